"""Imported captions as rows of a release, every offset proved on the way."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.fleiss import item_agreement
from alignbench.release.errors import UnprovedOffsetError
from alignbench.release.labels.majority import agreement_ratio
from alignbench.release.names import ALL_MODELS
from alignbench.release.rows.images import BLOB_COLUMN
from alignbench.release_format.columns import DATA_SCHEMA, RELEASE_SCHEMA_VERSION, SORT_COLUMNS
from alignbench.release_format.layout import VOTES
from alignbench.schemas.ids import derive_id, text_sha256
from alignbench.schemas.importing import (
    ImportedCaption,
    ImportedSentence,
    ImportedSpan,
    ImportNotes,
    VoteCounts,
)
from alignbench.schemas.vocabulary import PUBLISHED_LABEL, RowFlag, Verdict

SCHEMA: Final = pa.schema(
    [*(field for field in DATA_SCHEMA if field.name != "image"), pa.field(BLOB_COLUMN, pa.string())]
)

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 64
_PART_ROWS: Final = 4096


class HeldImage(NamedTuple):
    """An image whose bytes are there.

    Attributes:
        image_id: SHA-256 of the bytes.
        blob: Where they are stored.
        perceptual_hash: 64-bit difference hash.
    """

    image_id: str
    blob: str
    perceptual_hash: str


class ImportedRows:
    """All rows of an import, held without images.

    Attributes:
        models: Models that have rows, sorted.
        images: The images that rows are about, each once.
    """

    def __init__(
        self,
        kind: str,
        license_name: str | None,
        captions: Iterator[ImportedCaption],
        images: Mapping[str, HeldImage],
        notes: ImportNotes,
    ) -> None:
        """Makes the rows.

        Args:
            kind: The importer, which ids are made with.
            license_name: Of the set's labels.
            captions: What was read.
            images: The images that are there, by the id made of their locator.
            notes: Takes what cannot be stored.

        Raises:
            UnprovedOffsetError: A range of an importer has another text than it says.
        """
        self._kind, self._license, self._images = kind, license_name, images
        self._times: Counter[tuple[str, ...]] = Counter()
        self._names: dict[str, str] = {}
        parts = [SCHEMA.empty_table()]
        rows: list[dict[str, Any]] = []
        for caption in captions:
            rows += self._of_caption(caption, notes)
            if len(rows) >= _PART_ROWS:
                parts.append(pa.Table.from_pylist(rows, SCHEMA))
                rows = []
        parts.append(pa.Table.from_pylist(rows, SCHEMA))
        keys = [(name, "ascending") for name in (*SORT_COLUMNS, "sentence_id")]
        self._rows = pa.concat_tables(parts).sort_by(keys)
        self.models: list[str] = sorted(self._rows["model"].unique().to_pylist())
        self.images: pa.Array = self._rows["image_id"].unique()

    def of_model(self, model: str, images: pa.Array) -> Iterator[pa.Table]:
        """Yields a model's rows of some images, sorted."""
        yield self._rows.filter((pc.field("model") == model) & pc.field("image_id").isin(images))

    def _of_caption(self, caption: ImportedCaption, notes: ImportNotes) -> Iterator[dict[str, Any]]:
        stored = (caption.text, caption.model, caption.image.name, caption.image.url or "")
        if not all(map(_is_storable, stored)):
            notes.name(caption.origin, "not Unicode text", ascii(caption.text))
            return
        key = (caption.model, caption.image.image_id, text_sha256(caption.text))
        pair = derive_id("import", self._kind, *key, self._times[key])
        self._times[key] += 1
        shared = {**self._caption_columns(caption, notes), "pair_id": pair}
        for sentence in caption.sentences:
            if not caption.text[sentence.start : sentence.end].strip():
                notes.name(caption.origin, "empty sentence", f"sentence {sentence.index}")
                continue
            yield {**shared, **_sentence_columns(caption, sentence, pair, shared["flags"])}

    def _caption_columns(self, caption: ImportedCaption, notes: ImportNotes) -> dict[str, Any]:
        image = caption.image
        held = self._images.get(image.image_id)
        return {
            "model": self._model_name(caption, notes),
            "image_source": image.source,
            "image_name": image.name,
            "image_type": image.image_type.value,
            "image_url": image.url,
            "image_path_in_repo": image.path,
            "image_id": image.image_id if held is None else held.image_id,
            "direction": caption.direction.value,
            "full_caption": caption.text,
            "domain": caption.domain,
            "label_method": PUBLISHED_LABEL,
            "adjudicated": False,
            "instruction": caption.instruction,
            "license": image.license,
            "perceptual_hash": None if held is None else held.perceptual_hash,
            "origin": caption.origin,
            "labels_license": self._license,
            "flags": [RowFlag.IMAGE_ID_FROM_LOCATOR.value] if held is None else [],
            "schema_version": RELEASE_SCHEMA_VERSION,
            BLOB_COLUMN: None if held is None else held.blob,
        }

    def _model_name(self, caption: ImportedCaption, notes: ImportNotes) -> str:
        """Returns the model's name as a folder can have it; another name for each model."""
        if caption.model not in self._names:
            name = _UNSAFE.sub("-", caption.model).strip("._-")[:_LONGEST_NAME] or "model"
            if name in (ALL_MODELS, VOTES):
                name = f"{name}-model"
            if name in self._names.values():
                name = f"{name[:55]}-{derive_id(caption.model)[:8]}"
            if name != caption.model:
                notes.name(caption.origin, "model renamed", f"{caption.model!r} is {name!r}")
            self._names[caption.model] = name
        return self._names[caption.model]


def _sentence_columns(
    caption: ImportedCaption, sentence: ImportedSentence, pair: str, flags: Sequence[str]
) -> dict[str, Any]:
    start, end = sentence.start, sentence.end
    text = caption.text[start:end]
    if not 0 <= start < end <= len(caption.text):
        raise _unproved(caption, f"the sentence {start} to {end} is not in the caption")
    if sentence.spans and sentence.verdict is not Verdict.INCORRECT:
        raise _unproved(caption, f"{text!r} is {sentence.verdict} and has wrong words")
    spans = [_span(caption, text, span) for span in sentence.spans]
    kinds = [span["type"] for span in spans]
    kind = None if sentence.error_type is None else sentence.error_type.value
    return {
        "sentence_index": sentence.index,
        "sentence_id": derive_id(pair, start, end, sentence.index),
        "sentence_start": start,
        "sentence_end": end,
        "caption": text,
        "annotation": sentence.verdict.value,
        "error_type": kinds[0] if kinds else kind,
        "error_words": [span["text"] for span in spans],
        "error_spans": spans,
        "own_labels": _json(sentence.own_labels),
        "flags": [*flags, *dict.fromkeys(flag.value for flag in sentence.flags)],
        **_vote_columns(sentence.counts),
    }


def _span(caption: ImportedCaption, sentence: str, span: ImportedSpan) -> dict[str, Any]:
    if not 0 <= span.start < span.end <= len(sentence) or (
        sentence[span.start : span.end] != span.text
    ):
        raise _unproved(caption, f"{span.text!r} is not at {span.start} of {sentence!r}")
    kind = None if span.type is None else span.type.value
    return {"start": span.start, "end": span.end, "type": kind, "text": span.text, "votes": None}


def _vote_columns(counts: VoteCounts | None) -> dict[str, Any]:
    if counts is None:
        return {}
    given = np.array([[counts.correct, counts.incorrect, counts.unknown]], dtype=np.int64)
    ratio, item = float(agreement_ratio(given)[0]), float(item_agreement(given)[0])
    return {
        "n_correct": counts.correct,
        "n_incorrect": counts.incorrect,
        "n_unknown": counts.unknown,
        "n_votes": int(given.sum()),
        "agreement_ratio": ratio,
        "confidence": ratio,
        "fleiss_Pi": None if np.isnan(item) else item,
    }


def _unproved(caption: ImportedCaption, problem: str) -> UnprovedOffsetError:
    return UnprovedOffsetError(
        f"{caption.origin}: {problem}.",
        "The importer is at fault: report it, with the entry that it stumbled over.",
    )


def _is_storable(text: str) -> bool:
    """Tells whether a text has no lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode() == text or text.isascii()


def _json(value: object) -> str:
    # JSON has no NaN, though Python reads and writes it.
    value = json.loads(json.dumps(value), parse_constant=lambda _: None)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if _is_storable(text) else json.dumps(value, sort_keys=True)
