"""Writing a model's rows as numbered Parquet files, each row group as it is given.

An image is stored once per row group: its column is dictionary-encoded from a dictionary of the
group's images, uncompressed (images do not compress), with the page limits above the group's size,
or the encoder would fall back to storing every row's copy. No Arrow schema is stored beside the
Parquet one, because it would tell readers that the column is a dictionary.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.release_format.columns import leaf_paths, with_features
from alignbench.release_format.layout import Shard, shard_path

SHARD_BYTES: Final = 500_000_000
_IMAGE_BYTES: Final = "image.bytes"
_ABOVE_ANY_GROUP: Final = 1 << 30


class ShardWriter:
    """The Parquet files of one model, split and kind.

    How many files there will be is part of each one's name, so they are renamed when all are
    written; use it as a context, and read `paths` after.
    """

    def __init__(
        self,
        folder: Path,
        place: Shard,
        schema: pa.Schema,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        """Makes a writer; no file is made before the first row group.

        Args:
            folder: The release folder.
            place: Kind, model and split of the files.
            schema: The rows' schema, images as plain binary.
            shard_bytes: A file that would become larger is ended before the row group; one row
                group that is larger by itself is a file of its own.
        """
        self.paths: list[str] = []
        self.rows = 0
        self._folder, self._place, self._schema = folder, place, schema
        self._shard_bytes = shard_bytes
        self._open: _Shard | None = None
        self._written: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_shard()
        if error is None:
            self._rename()

    def write(self, group: pa.Table) -> None:
        """Writes rows as one row group; a dictionary-encoded column is stored by its dictionary."""
        if self._open is not None and self._open.size + group.nbytes > self._shard_bytes:
            self._end_shard()
        if self._open is None:
            self._open = self._new_shard(group.schema)
        self._open.write(group)
        self.rows += len(group)

    def _new_shard(self, group_schema: pa.Schema) -> "_Shard":
        folder = self._folder / self._place.kind / self._place.model
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"unnumbered-{len(self._written):05d}"
        self._written.append(path)
        return _Shard(path, group_schema, with_features(self._schema))

    def _end_shard(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _rename(self) -> None:
        for number, path in enumerate(self._written):
            final = shard_path(self._place._replace(number=number, total=len(self._written)))
            path.rename(self._folder / final)
            self.paths.append(final)


class _Shard:
    """One Parquet file that is being written."""

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
        self._file = path.open("wb")
        columns = [name for name in leaf_paths(_plain(schema)) if name != _IMAGE_BYTES]
        self._writer = pq.ParquetWriter(
            self._file,
            schema.remove_metadata(),
            compression={**dict.fromkeys(columns, "zstd"), _IMAGE_BYTES: "none"},
            use_dictionary=True,
            dictionary_pagesize_limit=_ABOVE_ANY_GROUP,
            write_statistics=columns,
            write_page_index=True,
            store_schema=False,
        )
        self._metadata = metadata

    @property
    def size(self) -> int:
        """Bytes that are in the file."""
        return self._file.tell()

    def write(self, group: pa.Table) -> None:
        self._writer.write_table(group, row_group_size=max(len(group), 1))

    def close(self) -> None:
        self._writer.add_key_value_metadata(self._metadata)
        self._writer.close()
        self._file.close()


def _plain(schema: pa.Schema) -> pa.Schema:
    """Returns the schema without dictionaries, as a reader of the file sees it."""
    return pa.schema([field.with_type(_without_dictionary(field.type)) for field in schema])


def _without_dictionary(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_dictionary(field.type)) for field in kind])
    return kind
