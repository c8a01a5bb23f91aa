"""CHOCOLATE: captions of charts, each sentence with any of seven labels of its own.

Source: Huang et al., "Do LVLMs Understand Charts?" (Findings of ACL 2024).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.captions import joined
from alignbench.release.importing.mapping import read_labels, shown
from alignbench.release.importing.records import Entry, json_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import RowFlag, Verdict

_CLEAN: Final = "(none)"


class Chocolate:
    """Reads `chocolate.json`. It has whole sentences and no wrong words, so rows have no spans."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "CHOCOLATE", "https://github.com/khuangaf/CHOCOLATE", "Apache-2.0"
    )

    def __init__(self, mapping: Path | None) -> None:
        self._labels = read_labels("chocolate.toml", mapping)
        self.mapping: Mapping[str, JsonValue] = {_CLEAN: Verdict.CORRECT, **shown(self._labels)}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields a caption for each entry; an id that stands there twice is named."""
        known: dict[str, str] = {}
        for path in files:
            for entry in json_entries(path):
                name = str(entry.values.get("_id"))
                if name in known:
                    notes.count("duplicate ids")
                    notes.name(entry.origin, "id stands there twice", f"{name}: {known[name]}")
                known.setdefault(name, entry.origin)
                yield self._caption(entry, notes)

    def _caption(self, entry: Entry, notes: ImportNotes) -> ImportedCaption:
        texts, labels = entry.get("sentences", list), entry.get("labels", list)
        if len(texts) != len(labels):
            raise ImportFileError(
                f"{entry.origin} has {len(texts)} sentences and labels of {len(labels)}.",
                "Give the file as its authors publish it.",
            )
        text, ranges = joined([str(found) for found in texts])
        notes.count("captions")
        notes.count("sentences not ASCII", sum(not str(found).isascii() for found in texts))
        url = entry.get("image_path", str)
        image = ImageReference(
            source=entry.get("dataset", str), name=url.rpartition("/")[2] or url, url=url
        )
        sentences = [
            self._sentence(place, index, [str(label) for label in own], entry, notes)
            for index, (place, own) in enumerate(zip(ranges, labels, strict=True))
        ]
        return ImportedCaption(
            entry.origin, entry.get("model", str), image, text, tuple(sentences), domain="chart"
        )

    def _sentence(
        self,
        place: tuple[int, int],
        index: int,
        own: list[str],
        entry: Entry,
        notes: ImportNotes,
    ) -> ImportedSentence:
        unknown = sorted(set(own) - self._labels.keys())
        if unknown:
            raise ImportFileError(
                f"{entry.origin}: there is no label {unknown[0]!r} in the mapping.",
                "Add it to a mapping of your own, and give that to --mapping.",
            )
        notes.count("sentences")
        notes.count("sentences clean", not own)
        notes.count("sentences with several labels", len(own) > 1)
        for label, number in Counter(own).items():
            notes.count(f"label {label}", number)
        found = [label for name, label in self._labels.items() if name in own]
        wrong = [label for label in found if label.verdict is Verdict.INCORRECT]
        verdict = Verdict.INCORRECT if wrong else Verdict.CORRECT
        if not wrong and any(label.verdict is Verdict.UNKNOWN for label in found):
            verdict = Verdict.UNKNOWN
        return ImportedSentence(
            *place,
            verdict=verdict,
            index=index,
            error_type=wrong[0].error_type if wrong else None,
            own_labels={"labels": own, **entry.own("_id")},
            flags=(RowFlag.CAPTION_JOINED,),
        )
