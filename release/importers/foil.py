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
from alignbench.schemas.importing import ImageReference, ImportedCaption, ImportNotes, PublishedSet
from alignbench.schemas.vocabulary import HallucinationType

_ORIGINAL: Final = "ORIG"


class Foil:
    """Reads `foilv1.0_*.json`: COCO's layout, with `foil`, `foil_word` and `target_word`.

    Files of COCO's captions may be given beside it: these are the references of the images.
    """

    published: ClassVar[PublishedSet] = PublishedSet("FOIL", "https://foilunitn.github.io", None)

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("foil", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields a caption for each annotation."""
        documents = [(path, _annotated(path)) for path in files]
        references = _references(entry for _, found in documents for entry in found["annotations"])
        for path, document in documents:
            if not any("foil" in entry for entry in _objects(document["annotations"])):
                continue
            images = {image.get("id"): image for image in _objects(document.get("images"))}
            for entry in entries_of(path, document["annotations"]):
                yield self._caption(entry, images, references, notes)

    def _caption(
        self,
        entry: Entry,
        images: Mapping[Any, dict[str, Any]],
        references: Mapping[Any, Mapping[Any, str]],
        notes: ImportNotes,
    ) -> ImportedCaption:
        text, is_foil = entry.get("caption", str), entry.get("foil", bool)
        word = entry.text("foil_word") if is_foil else None
        words = [] if word in (None, _ORIGINAL) else [str(word)]
        placed = place_words(text, words, HallucinationType.OBJECT)
        for missing in placed.missing:
            notes.name(entry.origin, "foil word not in the caption", missing)
        notes.count("foils" if is_foil else "originals")
        notes.count("foils with wrong words located", bool(placed.spans))
        own = entry.own("id", "foil_id", "image_id", "foil", "foil_word", "target_word")
        others = references.get(entry.values.get("image_id"), {})
        told = [said for name, said in others.items() if name != entry.values.get("id")]
        sentence = whole_caption(
            text,
            is_foil=is_foil,
            spans=placed.spans,
            flags=placed.flags,
            own={**own, "references": told} if told else own,
        )
        image = images.get(entry.values.get("image_id"), {})
        name = str(image.get("file_name") or entry.values.get("image_id"))
        url = image.get("coco_url") or image.get("flickr_url")
        reference = ImageReference(source="coco", name=name, url=str(url) if url else None)
        return ImportedCaption(entry.origin, "foil", reference, text, (sentence,))


def _annotated(path: Path) -> dict[str, Any]:
    document = json_document(path)
    if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
        raise ImportFileError(f"{path} has no list 'annotations'.", "Give FOIL's own JSON file.")
    return document


def _references(annotations: Iterator[Any]) -> dict[Any, dict[Any, str]]:
    """Returns the captions of each image that stand in COCO's own files, by their ids."""
    found: dict[Any, dict[Any, str]] = {}
    for entry in annotations:
        is_one = isinstance(entry, dict) and "foil" not in entry
        if is_one and isinstance(entry.get("caption"), str):
            found.setdefault(entry.get("image_id"), {})[entry.get("id")] = entry["caption"].strip()
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
