"""Rows parted by a key onto local disk, so that a table of any size is joined bucket by bucket.

Ids are uniform hashes in hexadecimal, so ranges of their first two digits make buckets of like
size, and buckets read in order give keys in order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.tables import TableSpec

BUCKETS: Final = 64
_PREFIXES: Final = pa.array([f"{prefix:02x}" for prefix in range(256)])


class Buckets:
    """Rows on disk in `BUCKETS` files by ranges of one column; written first, then read.

    A key that does not begin with two hexadecimal digits goes to the first bucket: whatever the
    keys are, equal ones share a bucket.
    """

    def __init__(self, folder: Path, name: str, key: str, schema: pa.Schema) -> None:
        """Makes empty buckets.

        Args:
            folder: Where the files go; it outlives the buckets.
            name: Prefix of the files, one for each set of buckets in the folder.
            key: Column whose values choose the bucket.
            schema: Of all rows.
        """
        self._folder, self._name, self._key = folder, name, key
        self._schema = schema
        self._writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
        self._rows: Counter[int] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, rows: pa.Table) -> None:
        """Writes rows of the schema."""
        if not len(rows):
            return
        of_row = _bucket_of(rows.column(self._key))
        order = np.argsort(of_row, kind="stable")
        buckets, starts = np.unique(of_row[order], return_index=True)
        ordered = rows.take(pa.array(order))
        ends = [*starts[1:].tolist(), len(rows)]
        for bucket, start, end in zip(buckets.tolist(), starts.tolist(), ends, strict=True):
            self._writer(bucket).write_table(ordered.slice(start, end - start))
            self._rows[bucket] += end - start

    def close(self) -> None:
        """Ends writing."""
        for writer in self._writers.values():
            writer.close()

    def read(self, bucket: int) -> pa.Table:
        """Returns the rows of a bucket in the order they were added."""
        if bucket in self._writers:
            with pa.memory_map(str(self._path(bucket))) as file:
                return pa.ipc.open_stream(file).read_all()
        return self._schema.empty_table()

    def __iter__(self) -> Iterator[pa.Table]:
        """Yields the buckets that have rows, in order of their keys."""
        for bucket in sorted(self._writers):
            yield self.read(bucket)

    def numbers(self) -> list[int]:
        """Returns the numbers of the buckets that have rows, in order."""
        return sorted(self._writers)

    def row_count(self, bucket: int) -> int:
        """Returns how many rows a bucket has."""
        return self._rows[bucket]

    def _writer(self, bucket: int) -> pa.ipc.RecordBatchStreamWriter:
        if bucket not in self._writers:
            self._writers[bucket] = pa.ipc.new_stream(str(self._path(bucket)), self._schema)
        return self._writers[bucket]

    def _path(self, bucket: int) -> Path:
        return self._folder / f"{self._name}-{bucket:03d}.arrow"


def columns_of(spec: "TableSpec[Any]", names: Sequence[str]) -> pa.Schema:
    """Returns the schema of these columns of a table, as its scans give them."""
    return pa.schema([spec.schema.field(name).with_nullable(True) for name in names])


def _bucket_of(keys: pa.ChunkedArray) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    prefixes = pc.utf8_slice_codeunits(keys, 0, 2)
    place = pc.fill_null(pc.index_in(prefixes, value_set=_PREFIXES), 0)
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]] = place.to_numpy().astype(np.int64)
    return numbers * BUCKETS // len(_PREFIXES)
