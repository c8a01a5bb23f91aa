"""Winoground: two images and two captions of the same words in another order.

Source: Thrush et al., "Winoground: Probing Vision and Language Models for Visio-Linguistic
Compositionality" (CVPR 2022).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from alignbench.release.importing.foils import pair
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.records import json_line_entries
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import ImageReference, ImportedCaption, ImportNotes, PublishedSet

_ENDINGS: Final = (".png", ".jpg", ".jpeg")


class Winoground:
    """Reads `examples.jsonl`: four rows an entry, each caption on each image, without types."""

    published: ClassVar[PublishedSet] = PublishedSet(
        "Winoground", "https://huggingface.co/datasets/facebook/winoground", None
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("winoground", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields each image's own caption and the other one."""
        for path in files:
            for entry in json_line_entries(path):
                notes.count("examples")
                own = entry.own("id", "tag", "secondary_tag", "collapsed_tag", "num_main_preds")
                for this, other in (("0", "1"), ("1", "0")):
                    name = entry.get(f"image_{this}", str)
                    also = tuple(f"{name}{ending}" for ending in _ENDINGS)
                    yield from pair(
                        entry.origin,
                        "winoground",
                        ImageReference(source="winoground", name=name, also_named=also),
                        entry.get(f"caption_{this}", str),
                        entry.get(f"caption_{other}", str),
                        kind=None,
                        own=own,
                    )
