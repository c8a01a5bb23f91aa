"""A stream of items as a stage reads it: tables into rows, and whose they are."""

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa

from alignbench.schemas.columns import Row, from_batch

_ROWS = 256


def rows_of(kind: type[Row], items: Iterator[pa.Table]) -> Iterator[Row]:
    """Yields the items as instances of their class, a few hundred in memory at once."""
    for table in items:
        for start in range(0, len(table), _ROWS):
            yield from from_batch(kind, table.slice(start, _ROWS))


def scope_of(items: Iterator[pa.Table]) -> tuple[str, Iterator[pa.Table]]:
    """Returns the one scope of a stream of items, and the whole stream."""
    first = next(items)  # the engine calls a stage only where there are items
    return str(first["scope"][0].as_py()), chain([first], items)
