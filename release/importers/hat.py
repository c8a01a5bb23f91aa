"""HAT: captions of COCO images by models, each word marked as hallucinated or not.

Source: Petryk et al., "ALOHa: A New Measure for Hallucination in Captioning Models" (NAACL 2024).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.captions import joined
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.records import Entry, json_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportedSpan,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import Verdict


class Hat:
    """Reads `hat-*.json`. The set judges captions whole, so each is a row; types are not given."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "HAT (HAllucination Test)", "https://github.com/DavidMChan/aloha", None
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("hat", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields a caption for each entry."""
        for path in files:
            for entry in json_entries(path):
                yield self._caption(entry, notes)

    def _caption(self, entry: Entry, notes: ImportNotes) -> ImportedCaption:
        text = entry.get("caption", str)
        spans = _spans(entry, text)
        if bool(spans) != entry.values.get("contains_hallucination", bool(spans)):
            notes.name(entry.origin, "contains_hallucination and marked words differ", text)
        notes.count("captions")
        notes.count("captions with wrong words", bool(spans))
        notes.count("runs of wrong words", len(spans))
        name = entry.get("image_path", str)
        sentence = ImportedSentence(
            0,
            len(text),
            verdict=Verdict.INCORRECT if spans else Verdict.CORRECT,
            index=0,
            spans=spans,
            own_labels=entry.own(
                "sample_id", "contains_hallucination", "is_gold", "is_positive",
                "is_machine_generated", "grounding", "references",
            ),
        )  # fmt: skip
        image = ImageReference(source="coco", name=name)
        return ImportedCaption(entry.origin, "hat", image, text, (sentence,))


def _spans(entry: Entry, text: str) -> tuple[ImportedSpan, ...]:
    """Returns the runs of wrong words; proved by the words that make up the caption."""
    grounding: list[Any] = entry.get("grounding", list)
    try:
        words = [(str(word), bool(wrong)) for word, wrong in grounding]
    except (TypeError, ValueError):
        words = []
    whole, ranges = joined([word for word, _ in words])
    if whole != text:
        raise ImportFileError(
            f"{entry.origin}: the words of 'grounding' do not make up the caption {text!r}.",
            "Give the file as its authors publish it.",
        )
    placed = zip(ranges, (wrong for _, wrong in words), strict=True)
    spans = []
    for wrong, run in groupby(placed, key=lambda found: found[1]):
        if wrong:
            places = [place for place, _ in run]
            start, end = places[0][0], places[-1][1]
            spans.append(ImportedSpan(start, end, text[start:end]))
    return tuple(spans)
