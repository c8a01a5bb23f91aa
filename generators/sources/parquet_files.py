"""Parquet files with a column of embedded images, as the `datasets` library writes them."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.generators.errors import InputColumnError, InputFileError
from alignbench.generators.sources.record_files import check_columns
from alignbench.schemas.item_codes import ItemCode, ItemError

_BATCH_ROWS = 1024
_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)


class ImageRow(NamedTuple):
    """A row without its image's bytes.

    Attributes:
        number: The row, counted from 0 over the whole file.
        image_path: The name that the image had when it was embedded, if it is recorded.
        values: The other columns that were asked for.
    """

    number: int
    image_path: str | None
    values: Mapping[str, object]


class ImageParquetFile:
    """One open Parquet file; of its images, those of one row group are in memory at a time.

    Args:
        path: The file.
        image_column: A column of struct<bytes, path>, of struct<bytes>, or of bytes.

    Raises:
        InputFileError: It is not a Parquet file.
        InputColumnError: It has no such column, or one of another type.
    """

    def __init__(self, path: Path, image_column: str) -> None:
        self.path = path
        self._column = image_column
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(path, error) from None
        self.columns: list[str] = self._file.schema_arrow.names
        self._is_struct, self._has_path = self._image_layout()
        groups = self._file.metadata.num_row_groups
        sizes = (self._file.metadata.row_group(group).num_rows for group in range(groups))
        self._starts = [0, *accumulate(sizes)]
        self._images: tuple[int, Any] | None = None

    def close(self) -> None:
        """Closes the file and lets its images go."""
        self._images = None
        self._file.close()

    def rows(self, columns: Collection[str]) -> Iterator[ImageRow]:
        """Yields every row in order, with the given columns; no image is read."""
        names = [name for name in self.columns if name in columns and name != self._column]
        leaves = [*names, f"{self._column}.path"] if self._has_path else names
        number = 0
        try:
            for batch in self._file.iter_batches(_BATCH_ROWS, columns=leaves):
                # With no column at all, the batches still say how many rows there are.
                rows = batch.to_pylist() if leaves else [{}] * batch.num_rows
                for row in rows:
                    image = row.pop(self._column, None) or {}
                    yield ImageRow(number, image.get("path"), row)
                    number += 1
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.path, error) from None

    def image(self, number: int) -> bytes:
        """Returns the image of a row; rows asked for in order are read group by group, once.

        Raises:
            ItemError: There is no such row, or no image in it.
            InputFileError: The row group cannot be read.
        """
        place = f"{self.path.name}#{number}"
        if not 0 <= number < self._starts[-1]:
            raise ItemError(ItemCode.FILE_MISSING.failure(f"There is no row {place}."))
        group = bisect_right(self._starts, number) - 1
        value = self._group_images(group)[number - self._starts[group]].as_py()
        if value is None:
            raise ItemError(
                ItemCode.IMAGE_NOT_EMBEDDED.failure(
                    f"{place} holds no image bytes; embed the images when the file is written."
                )
            )
        return bytes(value)

    def _group_images(self, group: int) -> Any:
        if self._images is None or self._images[0] != group:
            self._images = None  # freed before the next group is read
            leaf = f"{self._column}.bytes" if self._is_struct else self._column
            try:
                column = self._file.read_row_group(group, columns=[leaf]).column(self._column)
            except (OSError, pa.ArrowException) as error:
                raise _unreadable(self.path, error) from None
            if self._is_struct:
                column = pa.chunked_array(
                    [chunk.flatten()[0] for chunk in column.chunks], type=self._bytes_type()
                )
            self._images = (group, column)
        return self._images[1]

    def _bytes_type(self) -> Any:
        return self._file.schema_arrow.field(self._column).type.field("bytes").type

    def _image_layout(self) -> tuple[bool, bool]:
        """Returns whether images are structs, and whether those have a path."""
        check_columns(self.path, self.columns, (self._column,))
        found = self._file.schema_arrow.field(self._column).type
        if pa.types.is_struct(found) and found.get_field_index("bytes") >= 0:
            return True, found.get_field_index("path") >= 0
        if any(is_bytes(found) for is_bytes in _BYTES):
            return False, False
        raise InputColumnError(
            f"Column {self._column!r} of {self.path} is {found}, not embedded images.",
            "Give a column of struct<bytes, path>, such as datasets.Image writes it, or of bytes.",
        )


def _unreadable(path: Path, error: Exception) -> InputFileError:
    return InputFileError(
        f"{path} cannot be read as Parquet: {error}.", "Check that the file is whole."
    )
