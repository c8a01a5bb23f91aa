"""SugarCrepe: COCO captions, and hard negatives with something replaced, swapped or added.

Source: Hsieh et al., "SugarCrepe: Fixing Hackable Benchmarks for Vision-Language Compositionality"
(NeurIPS 2023).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.foils import pair
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.records import entries_of, json_document
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import ImageReference, ImportedCaption, ImportNotes, PublishedSet
from alignbench.schemas.vocabulary import HallucinationType

_KINDS: Final = {
    "att": HallucinationType.ATTRIBUTE,
    "obj": HallucinationType.OBJECT,
    "rel": HallucinationType.RELATION,
}
"""What the end of a file's name says of its negatives."""


class SugarCrepe:
    """Reads files such as `replace_att.json`: an object of numbered entries each."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "SugarCrepe", "https://github.com/RAIVNLab/sugar-crepe", "MIT"
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("sugarcrepe", mapping)
        self.mapping: Mapping[str, JsonValue] = {f"*_{end}": kind for end, kind in _KINDS.items()}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields the caption and the negative of each entry; each file is a model of its own."""
        for path in files:
            document = json_document(path)
            if not isinstance(document, dict):
                raise ImportFileError(
                    f"{path} is no object of numbered entries.", "Give SugarCrepe's own files."
                )
            for entry in entries_of(path, list(document.values())):
                notes.count(f"pairs of {path.stem}")
                yield from pair(
                    entry.origin,
                    f"sugarcrepe-{path.stem}",
                    ImageReference(source="coco", name=entry.get("filename", str)),
                    entry.get("caption", str),
                    entry.get("negative_caption", str),
                    kind=_KINDS.get(path.stem.rpartition("_")[2]),
                    own={"category": path.stem},
                )
