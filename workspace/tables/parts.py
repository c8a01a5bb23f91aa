"""One Parquet part: how it is written, named, checked and read.

The name is the SHA-256 of the bytes (its first 32 digits), so a part proves its own integrity and
writing the same part twice is one part. Readers check the checksum of each Parquet page that they
read, which costs next to nothing; the name is checked by `Part.verify`, which `compact` calls on
what it merges. File metadata:

- `alignbench.table`, `alignbench.schema_version`: an older version is cast on reading (its new
  columns are null), a newer one is refused.
- `alignbench.leaves`: only in a part that `compact` merged. JSON list of `[part name, rows]`, in
  the order in which their rows lie in this one, so that a reader that was half way through the
  sources can go on here.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.schemas.errors import NewerSchemaError
from alignbench.schemas.ids import ID_LENGTH, sha256_hex
from alignbench.schemas.tables import SCHEMA_VERSION, TableSpec
from alignbench.workspace.errors import CorruptPartError
from alignbench.workspace.stores.store import ObjectStore

TABLES_FOLDER = "tables"

_TABLE = b"alignbench.table"
_VERSION = b"alignbench.schema_version"
_LEAVES = b"alignbench.leaves"


class Leaf(NamedTuple):
    """A part as it was first committed, and how many rows it has."""

    name: str
    rows: int


def part_folder(table: str) -> str:
    """Returns the prefix of a table's parts."""
    return f"{TABLES_FOLDER}/{table}"


def encode_part(table: str, rows: pa.Table, leaves: Sequence[Leaf] = ()) -> tuple[str, bytes]:
    """Returns a part's name and its bytes."""
    metadata = _metadata(table)
    if leaves:
        metadata[_LEAVES] = json.dumps(leaves).encode()
    buffer = io.BytesIO()
    pq.write_table(
        rows.replace_schema_metadata(metadata),
        buffer,
        compression="zstd",
        write_page_checksum=True,
    )
    data = buffer.getvalue()
    return _name_of(data), data


def encode_batches(table: str, first: pa.Table, others: Iterable[pa.Table]) -> tuple[str, bytes]:
    """Returns the name and the bytes of a part whose rows never are in memory all at once.

    Args:
        table: The table's name.
        first: Its first rows.
        others: Further rows with the same columns.
    """
    buffer = io.BytesIO()
    schema = first.schema.with_metadata(_metadata(table))
    with pq.ParquetWriter(buffer, schema, compression="zstd", write_page_checksum=True) as writer:
        for rows in chain([first], others):
            writer.write_table(rows.replace_schema_metadata(schema.metadata))
    data = buffer.getvalue()
    return _name_of(data), data


class Part:
    """A part that is open for reading."""

    def __init__(self, store: ObjectStore, spec: "TableSpec[Any]", name: str) -> None:
        """Opens a part.

        Raises:
            ObjectNotFoundError: The part is gone: it was merged into another.
            NewerSchemaError: It was written by a newer version of this project.
            CorruptPartError: It is damaged, not a Parquet file, or not of this table.
        """
        self.name = name
        self._spec = spec
        self._url = store.url
        self._key = key = f"{part_folder(spec.name)}/{name}"
        self._bytes = store.open(key)
        with self._damage_named():
            self._file = pq.ParquetFile(self._bytes, page_checksum_verification=True)
            schema = self._file.schema_arrow  # made anew whenever it is asked for
        metadata = schema.metadata or {}
        self._names = frozenset(schema.names)
        version = _checked_version(store.url, key, spec.name, metadata)
        needed = spec.schema.names if version == SCHEMA_VERSION else spec.key
        missing = [name for name in needed if name not in self._names]
        if missing:
            raise _corrupt(store.url, key, f"it has no column {missing[0]}")
        self.row_count: int = self._file.metadata.num_rows
        self.leaves = _leaves(metadata, Leaf(name, self.row_count))

    def rows_of(self, leaves: Iterable[bool]) -> npt.NDArray[np.bool_]:
        """Returns for each row whether its leaf is among those marked true, in their order."""
        return np.repeat(list(leaves), [leaf.rows for leaf in self.leaves])

    def may_hold(self, column: str, value: str) -> bool:
        """Tells whether some row may have a value in a column; False if statistics exclude it."""
        metadata = self._file.metadata
        for group in (metadata.row_group(number) for number in range(metadata.num_row_groups)):
            chunks = (group.column(number) for number in range(group.num_columns))
            chunk = next((one for one in chunks if one.path_in_schema == column), None)
            found = None if chunk is None else chunk.statistics
            if found is None or not found.has_min_max or found.min <= value <= found.max:
                return True
        return False

    def verify(self) -> None:
        """Checks that the part's bytes are those that its name promises.

        Raises:
            CorruptPartError: They are not.
        """
        self._bytes.seek(0)
        if _name_of(self._bytes.read_buffer()) != self.name:
            raise _corrupt(self._url, self._key, "its bytes are not those that its name promises")

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Returns those columns of all rows."""
        present = [name for name in columns if name in self._names]
        with self._damage_named():
            return _cast(self._file.read(present), self._spec.schema, columns)

    def batches(
        self, columns: Sequence[str], batch_rows: int, rows: npt.NDArray[np.bool_]
    ) -> Iterator[pa.Table]:
        """Yields those columns of the rows marked true, in tables of at most `batch_rows` rows."""
        start = 0
        for table in self._decoded(columns, batch_rows):
            wanted = rows[start : start + len(table)]
            start += len(table)
            if wanted.any():
                yield table if wanted.all() else table.filter(pa.array(wanted))

    def _decoded(self, columns: Sequence[str], batch_rows: int) -> Iterator[pa.Table]:
        present = [name for name in columns if name in self._names]
        with self._damage_named():
            for batch in self._file.iter_batches(batch_rows, columns=present):
                yield _cast(pa.Table.from_batches([batch]), self._spec.schema, columns)

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, pa.ArrowNotImplementedError, OSError) as error:
            raise _corrupt(self._url, self._key, f"it cannot be read ({error})") from None


def _metadata(table: str) -> dict[bytes, bytes]:
    return {_TABLE: table.encode(), _VERSION: str(SCHEMA_VERSION).encode()}


def _name_of(data: bytes | memoryview) -> str:
    return f"part-{sha256_hex(data)[:ID_LENGTH]}.parquet"


def _corrupt(url: str, key: str, reason: str) -> CorruptPartError:
    return CorruptPartError(
        f"{key} in {url} is damaged: {reason}.",
        "Restore it from a backup, or delete it and run the stage again.",
    )


def _checked_version(url: str, key: str, table: str, metadata: dict[bytes, bytes]) -> int:
    if metadata.get(_TABLE) != table.encode():
        raise CorruptPartError(
            f"{key} in {url} is not a part of table {table}.",
            "Move it away; parts are written by the stages only.",
        )
    version = metadata.get(_VERSION, b"0").decode(errors="replace")
    if not version.isdecimal():
        raise _corrupt(url, key, f"its schema version is {version!r}")
    if int(version) > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{key} in {url} has schema version {version}; this installation knows up to "
            f"{SCHEMA_VERSION}.",
            "Upgrade alignbench: a newer one wrote this workspace.",
        )
    return int(version)


def _leaves(metadata: dict[bytes, bytes], itself: Leaf) -> tuple[Leaf, ...]:
    merged = metadata.get(_LEAVES)
    if merged is None:
        return (itself,)
    return tuple(Leaf(name, rows) for name, rows in json.loads(merged))


def _cast(table: pa.Table, schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    arrays = [
        table.column(name).cast(schema.field(name).type)
        if name in table.schema.names
        else pa.nulls(len(table), schema.field(name).type)
        for name in columns
    ]
    fields = [schema.field(name).with_nullable(True) for name in columns]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
