"""ARO: Visual Genome captions, and the same with relations or attributes the wrong way round.

Source: Yuksekgonul et al., "When and Why Vision-Language Models Behave like Bags-of-Words" (ICLR
2023).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from alignbench.release.importing.foils import pair
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.records import json_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import ImageReference, ImportedCaption, ImportNotes, PublishedSet
from alignbench.schemas.vocabulary import HallucinationType


class Aro:
    """Reads `visual_genome_relation.json` and `visual_genome_attribution.json`."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "ARO", "https://github.com/mertyg/vision-language-models-are-bows", None
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("aro", mapping)
        self.mapping: Mapping[str, JsonValue] = {
            "relation_name": HallucinationType.RELATION,
            "attributes": HallucinationType.ATTRIBUTE,
        }

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields the true and the false caption of each entry."""
        for path in files:
            for entry in json_entries(path):
                by_relation = "relation_name" in entry.values
                kind = HallucinationType.RELATION if by_relation else HallucinationType.ATTRIBUTE
                notes.count(f"pairs of {kind}")
                yield from pair(
                    entry.origin,
                    f"aro-{kind}",
                    ImageReference(source="visual_genome", name=entry.get("image_path", str)),
                    entry.get("true_caption", str),
                    entry.get("false_caption", str),
                    kind=kind,
                    own=entry.own(
                        "image_id", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "relation_name",
                        "attributes", "object1_name", "object2_name", "obj1_name", "obj2_name",
                    ),
                )  # fmt: skip
