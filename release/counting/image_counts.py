"""How a reader gets the images of a release, and under which licences, by source."""

from collections import Counter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.columns.cells import Cell
from alignbench.release_format.manifest import ImageCounts


class _Terms(NamedTuple):
    """What is said of an image that a release has."""

    source: str
    license: str | None
    redistributable: bool | None
    embedded: bool
    linked: bool


class ImageCounter:
    """Counts distinct images over all models; holds their ids."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._counts: Counter[_Terms] = Counter()

    def add(self, rows: pa.Table) -> None:
        """Counts the images of rows; the first row of an image tells."""
        embedded = pc.is_valid(pc.struct_field(rows["image"], "path"))
        names = ("image_id", "image_source", "license", "redistributable")
        columns = [rows[name] for name in names]
        columns += [embedded, pc.is_valid(rows["image_url"])]
        for image, *terms in zip(*(column.to_pylist() for column in columns), strict=True):
            if image not in self._known:
                self._known.add(image)
                self._counts[_Terms(*terms)] += 1

    def counts(self) -> ImageCounts:
        """Returns the numbers of images."""
        return ImageCounts(
            embedded=sum(n for terms, n in self._counts.items() if terms.embedded),
            by_url=sum(n for t, n in self._counts.items() if t.linked and not t.embedded),
            unavailable=sum(n for t, n in self._counts.items() if not (t.linked or t.embedded)),
        )

    def rows(self) -> list[tuple[Cell, ...]]:
        """Returns images by source and licence, as a table with a heading."""
        names = ("source", "license", "redistributable", "images", "embedded", "with_url")
        found: dict[tuple[str, str | None, bool | None], list[int]] = {}
        for terms, number in self._counts.items():
            counts = found.setdefault(terms[:3], [0, 0, 0])
            for place, counted in enumerate((True, terms.embedded, terms.linked)):
                counts[place] += number * counted
        cells = [
            (source, terms, None if allowed is None else str(allowed).lower(), *counts)
            for (source, terms, allowed), counts in found.items()
        ]
        return [names, *sorted(cells, key=lambda row: [str(cell) for cell in row])]
