"""Putting images to their rows, in groups that fit in memory.

Rows come sorted by image, so each image is read once, and stored once in each group that has rows
of it. A group's size is that of its decoded rows, where every row has a copy of its image: that is
what a reader needs in memory for the group.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release_format.columns import IMAGE

GROUP_BYTES: Final = 100_000_000
_READ_AHEAD: Final = 8

BLOB_COLUMN: Final = "blob"
"""Key of the stored image of a row; null where the image is not embedded."""


class _Run(NamedTuple):
    """Consecutive rows of one image; `text_bytes` is what a row has beside it, on average.

    A slice for each image would cost more than all the rest where images are only referenced.
    """

    table: pa.Table
    start: int
    end: int
    text_bytes: int
    blob: str | None


class _LoadedRun(NamedTuple):
    table: pa.Table
    start: int
    end: int
    row_bytes: int
    path: str | None
    data: bytes | None

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the rows with a copy of the image each."""
        return (self.end - self.start) * self.row_bytes


def with_images(
    rows: Iterable[pa.Table],
    read: Callable[[str], bytes],
    group_bytes: int = GROUP_BYTES,
) -> Iterator[pa.Table]:
    """Yields row groups with their images as the last column, the bytes dictionary-encoded.

    Args:
        rows: Tables of all columns but `image`, and `BLOB_COLUMN`; sorted by image throughout.
        read: Returns the bytes of a stored image; called from other threads.
        group_bytes: A group has at most so many decoded bytes, or one row.
    """
    pending: list[_LoadedRun] = []
    size = 0
    for whole in _loaded(_runs(rows), read):
        for run in _pieces(whole, group_bytes):
            more = run.decoded_bytes
            if pending and size + more > group_bytes:
                yield _group(pending)
                pending, size = [], 0
            pending.append(run)
            size += more
    if pending:
        yield _group(pending)


def _runs(tables: Iterable[pa.Table]) -> Iterator[_Run]:
    for table in tables:
        if not len(table):
            continue
        images, blobs = table.column("image_id"), table.column(BLOB_COLUMN)
        rows = table.drop_columns([BLOB_COLUMN])
        text_bytes = rows.nbytes // len(rows) + 1
        changes = pc.not_equal(images.slice(1), images.slice(0, len(images) - 1))
        starts = [0, *(np.flatnonzero(changes.to_numpy()) + 1).tolist()]
        of_image = blobs.take(pa.array(starts)).to_pylist()
        for start, end, blob in zip(starts, [*starts[1:], len(table)], of_image, strict=True):
            yield _Run(rows, start, end, text_bytes, blob)


def _loaded(runs: Iterable[_Run], read: Callable[[str], bytes]) -> Iterator[_LoadedRun]:
    """Yields the runs with their images, a few of which are read ahead."""
    waiting: deque[tuple[_Run, Future[bytes] | None]] = deque()
    with ThreadPoolExecutor(_READ_AHEAD) as pool:
        for run in runs:
            waiting.append((run, pool.submit(read, run.blob) if run.blob else None))
            if len(waiting) > _READ_AHEAD:
                yield _load(*waiting.popleft())
        while waiting:
            yield _load(*waiting.popleft())


def _load(run: _Run, data: Future[bytes] | None) -> _LoadedRun:
    place = run.table, run.start, run.end
    if run.blob is None or data is None:
        return _LoadedRun(*place, run.text_bytes, None, None)
    image = data.result()
    return _LoadedRun(*place, run.text_bytes + len(image), run.blob.rpartition("/")[2], image)


def _pieces(run: _LoadedRun, group_bytes: int) -> Iterator[_LoadedRun]:
    """Yields a run in pieces that fit a group; only an image of very many rows is cut."""
    step = max(1, group_bytes // run.row_bytes)
    for start in range(run.start, run.end, step):
        yield run._replace(start=start, end=min(start + step, run.end))


def _group(runs: list[_LoadedRun]) -> pa.Table:
    table = pa.concat_tables(_slices(runs))
    embedded = [run for run in runs if run.data is not None]
    numbers = {id(run): number for number, run in enumerate(embedded)}
    places = [numbers.get(id(run)) for run in runs]
    lengths = [run.end - run.start for run in runs]
    of_row = pa.array(np.repeat([-1 if p is None else p for p in places], lengths), pa.int32())
    missing = pc.less(of_row, 0)
    indices = pc.if_else(missing, pa.scalar(None, pa.int32()), of_row)
    data = pa.array([run.data for run in embedded], pa.binary())
    paths = pa.array([run.path for run in embedded], pa.string())
    image = pa.StructArray.from_arrays(
        [pa.DictionaryArray.from_arrays(indices, data), paths.take(indices)],
        fields=[pa.field("bytes", pa.dictionary(pa.int32(), pa.binary())), IMAGE.field("path")],
        mask=missing,
    )
    return table.append_column("image", image)


def _slices(runs: list[_LoadedRun]) -> Iterator[pa.Table]:
    """Yields the rows of consecutive runs, those of one table in one slice."""
    for _, of_table in groupby(runs, key=lambda run: id(run.table)):
        first, *others = of_table
        end = others[-1].end if others else first.end
        yield first.table.slice(first.start, end - first.start)
