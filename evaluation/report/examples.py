"""Single sentences in the report: image, text with its wrong spans marked, and scores."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.release_format.sentences import ReleaseReader
from alignbench.reporting.pieces import Piece, pieces
from alignbench.reporting.small_copies import data_uri, small_copy

MOST_EXAMPLES: Final = 24
_SIDE: Final = 256
_MOST_CHARACTERS: Final = 600


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
    images = {
        found.image_id: data_uri(small_copy(found.data, _SIDE)) for found in release.images(chosen)
    }
    shown = []
    for row, sentence in zip(rows, chosen.to_pylist(), strict=True):
        scores = {
            detector.name: float(detector.scores[row]) if detector.there[row] else None
            for detector in detectors
        }
        cut = tuple(pieces(sentence["caption"], sentence["error_spans"] or [], _MOST_CHARACTERS))
        image = images.get(sentence["image_id"])
        shown.append(Example(sentence["model"], sentence["annotation"], cut, image, scores))
    return shown
