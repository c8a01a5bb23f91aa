"""FOIL: captions of COCO images, and the same with one word replaced by a wrong one.

Source: Shekhar et al., "FOIL it! Find One mismatch between Image and Language caption" (ACL 2017).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.foils import whole_caption
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.placing import place_words
from alignbench.release.importing.records import Entry, entries_of, json_document
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import HallucinationType

_ORIGINAL: Final = "ORIG"


class Foil:
    """Reads `foilv1.0_*.json`: COCO's layout, with `foil`, `foil_word` and `target_word`."""

    published: ClassVar[PublishedSet] = PublishedSet("FOIL", "https://foilunitn.github.io", None)

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("foil", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields a caption for each annotation."""
        for path in files:
            document = json_document(path)
            if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
                raise ImportFileError(
                    f"{path} has no list 'annotations'.", "Give FOIL's own JSON file."
                )
            images = {image.get("id"): image for image in _objects(document.get("images"))}
            for entry in entries_of(path, document["annotations"]):
                yield self._caption(entry, images, notes)

    def _caption(
        self, entry: Entry, images: Mapping[Any, dict[str, Any]], notes: ImportNotes
    ) -> ImportedCaption:
        text, is_foil = entry.get("caption", str), entry.get("foil", bool)
        word = entry.text("foil_word") if is_foil else None
        words = [] if word in (None, _ORIGINAL) else [str(word)]
        placed = place_words(text, words, HallucinationType.OBJECT)
        for missing in placed.missing:
            notes.name(entry.origin, "foil word not in the caption", missing)
        notes.count("foils" if is_foil else "originals")
        notes.count("foils with wrong words located", bool(placed.spans))
        sentence = whole_caption(
            text,
            is_foil=is_foil,
            spans=placed.spans,
            flags=placed.flags,
            own=entry.own("id", "foil_id", "image_id", "foil", "foil_word", "target_word"),
        )
        image = images.get(entry.values.get("image_id"), {})
        name = str(image.get("file_name") or entry.values.get("image_id"))
        url = image.get("coco_url") or image.get("flickr_url")
        reference = ImageReference(source="coco", name=name, url=str(url) if url else None)
        return ImportedCaption(entry.origin, "foil", reference, text, (sentence,))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
