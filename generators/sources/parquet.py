"""Images embedded in Parquet files."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from alignbench.generators.errors import InputFileError
from alignbench.generators.sources.caption_columns import CaptionColumnOptions
from alignbench.generators.sources.image_facts import FACT_COLUMNS, own_facts
from alignbench.generators.sources.parquet_files import ImageParquetFile, ImageRow
from alignbench.generators.sources.paths import check_storable, configured_path, inside, storable
from alignbench.generators.sources.record_files import check_columns
from alignbench.generators.sources.records import Record
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.plugins import SourceBase
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt, SourceItem, Surroundings


class ParquetOptions(CaptionColumnOptions):
    """Parquet files and the columns in them.

    Attributes:
        path: A file, a folder (all `.parquet` files in it, at any depth), or a glob pattern.
        image_column: Column with the images, struct<bytes, path> or bytes.
        name_column: Column with the images' names; else the path embedded with the image is used.
    """

    path: str
    image_column: str = "image"
    name_column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are asked for by name, besides the image."""
        name = (self.name_column,) if self.name_column else ()
        return (*name, *self.caption_columns)


class ParquetSource(SourceBase[ParquetOptions]):
    """The rows of Parquet files, in order; a locator is `<file>#<row>`, the row counted from 0.

    The file is named relative to the folder that was given, or to the folder at the start of the
    glob pattern. Memory holds the images of one row group. A link among the files that leads out of
    that folder is a failure.
    """

    def load(self) -> None:
        """Finds the files; raises `InputFileError` where they are missing."""
        self._root, self._names = _files(self.options.path, self.surroundings)
        self._open: ImageParquetFile | None = None
        self._lock = Lock()  # for `_open`: commits may be read in several threads

    def items(self) -> Iterator[SourceItem | ItemFailureAt]:
        """Yields an item per row; of the image column only the embedded names are read."""
        for name in self._names:
            try:
                check_storable(name)
                path = inside(self._root, name)
            except ItemError as error:
                yield ItemFailureAt(storable(name), error.failure)
                continue
            file = ImageParquetFile(path, self.options.image_column)
            try:
                check_columns(path, file.columns, self.options.columns)
                for row in file.rows((*self.options.columns, *FACT_COLUMNS)):
                    yield self._item(f"{name}#{row.number}", row)
            finally:
                file.close()

    def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
        """Returns the embedded bytes; fastest in the order that `items` gave."""
        return [self._image(item.locator) for item in items]

    def _item(self, locator: str, row: ImageRow) -> SourceItem | ItemFailureAt:
        options = self.options
        record = Record(locator, {"image_path": row.image_path, **row.values})
        try:
            facts = own_facts(record).otherwise(options.facts)
            name = record.text(options.name_column) if options.name_column else None
            name = name or record.text("image_path") or locator
            return facts.item(locator, name, options.caption_of(record))
        except ItemError as error:
            return ItemFailureAt(locator, error.failure)

    def _image(self, locator: str) -> bytes | ItemFailure:
        name, _, row = locator.rpartition("#")
        try:
            path = inside(self._root, name)
            with self._lock:
                return self._opened(path).image(int(row))
        except ItemError as error:
            return error.failure

    def _opened(self, path: Path) -> ImageParquetFile:
        if self._open is None or self._open.path != path:
            if self._open is not None:
                self._open.close()
            self._open = ImageParquetFile(path, self.options.image_column)
        return self._open


def _files(path: str, surroundings: Surroundings) -> tuple[Path, list[str]]:
    """Returns a folder and the files below it, by relative path, sorted."""
    if glob.has_magic(path):
        parts = Path(path).parts
        first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
        root = configured_path(str(Path(*parts[:first])), surroundings)
        found = list(root.glob("/".join(parts[first:])))
    else:
        given = configured_path(path, surroundings)
        root = given if given.is_dir() else given.parent
        found = list(root.rglob("*.parquet")) if given.is_dir() else [given]
    names = sorted(file.relative_to(root).as_posix() for file in found if not file.is_dir())
    if not names:
        raise InputFileError(
            f"The source {surroundings.name!r} finds no Parquet file at {path!r}.",
            "Give a file, a folder with .parquet files, or a glob pattern.",
        )
    return root, names
