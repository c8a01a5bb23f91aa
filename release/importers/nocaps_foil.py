"""nocaps-FOIL: captions of nocaps images, and the same with one object replaced by a wrong one.

Source: Petryk et al., "ALOHa: A New Measure for Hallucination in Captioning Models" (NAACL 2024).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from alignbench.release.importing.foils import whole_caption, wrong_words
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.records import Entry, json_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import ImageReference, ImportedCaption, ImportNotes, PublishedSet
from alignbench.schemas.vocabulary import HallucinationType, RowFlag


class NocapsFoil:
    """Reads `nocaps-val-foil.json`: two rows an entry; the foil is wrong by construction."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "nocaps-FOIL", "https://github.com/DavidMChan/aloha", None
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("nocaps_foil", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields the caption and the foil of each entry."""
        for path in files:
            for entry in json_entries(path):
                yield from self._pair(entry, notes)

    def _pair(self, entry: Entry, notes: ImportNotes) -> Iterator[ImportedCaption]:
        original, foil = entry.get("baseline", str), entry.get("foil", str)
        replaced = [str(word) for word in entry.get("replacement", list)]
        own = entry.own("replacement", "references")
        image = ImageReference(source="nocaps", name=entry.get("image_path", str))
        spans = wrong_words(original, foil, *replaced[:2], kind=HallucinationType.OBJECT)
        notes.count("pairs")
        notes.count("foils with wrong words located", bool(spans))
        notes.count("foils with several wrong places", len(spans) > 1)
        if not spans:
            notes.name(entry.origin, "replaced words not in the foil", f"{replaced}: {foil}")
        flags = () if spans else (RowFlag.SPANS_MISSING,)
        domain = entry.text("domain")
        for text, is_foil in ((original, False), (foil, True)):
            sentence = whole_caption(
                text, is_foil=is_foil, spans=spans, flags=flags, own={**own, "foil": is_foil}
            )
            yield ImportedCaption(
                entry.origin, "nocaps_foil", image, text, (sentence,), domain=domain
            )
