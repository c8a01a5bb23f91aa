"""Single sentences in the report: image, text with its wrong spans marked, and scores."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
from PIL import Image

from alignbench.evaluation.scored import Scored, Sentences
from alignbench.models.pixels import rgb_pixels
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.item_codes import ItemError

MOST_EXAMPLES: Final = 24
_SIDE: Final = 256
_QUALITY: Final = 80
_MOST_CHARACTERS: Final = 600


class Piece(NamedTuple):
    """A piece of a sentence, and the type of mistake that it is; None if it is none."""

    text: str
    type: str | None


class Example(NamedTuple):
    """A sentence as it is shown; `image` is a data URI, or None if it cannot be had."""

    model: str
    verdict: str
    pieces: tuple[Piece, ...]
    image: str | None
    scores: Mapping[str, float | None]


def examples(
    release: ReleaseReader,
    sentences: Sentences,
    detectors: Sequence[Scored],
    rows: Sequence[int],
) -> list[Example]:
    """Returns these sentences, in this order.

    Args:
        release: Where the images are.
        sentences: Its sentences.
        detectors: Whose scores are shown.
        rows: Which sentences.
    """
    if not rows:
        return []
    chosen = sentences.table.take(pa.array(rows))
    images = {found.image_id: _thumbnail(found.data) for found in release.images(chosen)}
    shown = []
    for row, sentence in zip(rows, chosen.to_pylist(), strict=True):
        scores = {
            detector.name: float(detector.scores[row]) if detector.there[row] else None
            for detector in detectors
        }
        pieces = tuple(_pieces(sentence["caption"], sentence["error_spans"] or []))
        image = images.get(sentence["image_id"])
        shown.append(Example(sentence["model"], sentence["annotation"], pieces, image, scores))
    return shown


def _pieces(text: str, spans: Sequence[Mapping[str, object]]) -> Iterable[Piece]:
    place = 0
    text = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
    for span in sorted(spans, key=lambda span: int(str(span["start"]))):
        start, end = int(str(span["start"])), int(str(span["end"]))
        if start < place or end > _MOST_CHARACTERS:
            continue
        yield Piece(text[place:start], None)
        # Sets that others annotated may mark words without a type.
        yield Piece(text[start:end], str(span["type"] or "other"))
        place = end
    yield Piece(text[place:], None)


def _thumbnail(data: bytes | None) -> str | None:
    """Returns a small copy, encoded anew: nothing of the original file but its pixels is shown."""
    if data is None:
        return None
    try:
        pixels = rgb_pixels(data, "of the report")
    except ItemError:
        return None
    pixels.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
