"""Which rows of a table's parts are current: one pass over key columns, held whole.

Two things can make a row not current: the same commit lies in two parts, because a merge was killed
before it deleted its sources; or the same key was written twice (see `workspace.tables.table`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.tables import CREATED_AT, TableSpec
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.keys import KeySet
from alignbench.workspace.tables.numbered import ENCODED, joined, numbered
from alignbench.workspace.tables.parts import Part
from alignbench.workspace.tables.rivals import KeyRows, superseded

Mask = npt.NDArray[np.bool_]

_BATCH_ROWS = 32_768
"""A part may have millions of rows, whose strings are kept once each."""


class Listing(NamedTuple):
    """A table's parts at one moment.

    Attributes:
        leaves: The parts, in order, each with the names of the first commits that it holds.
        current: Per part with rows that are not current, which of its rows are.
        row_count: How many rows are current.
    """

    leaves: dict[str, frozenset[str]]
    current: dict[str, Mask]
    row_count: int

    @property
    def all_leaves(self) -> frozenset[str]:
        """Names of all first commits that the parts hold."""
        return frozenset().union(*self.leaves.values())


def take_listing(
    store: ObjectStore,
    spec: "TableSpec[Any]",
    names: Sequence[str],
    within: Collection[str] | None = None,
) -> Listing:
    """Reads key columns of all parts and works out which rows are current.

    Args:
        store: Where the table is.
        spec: The table.
        names: Its parts.
        within: Only rows of these first commits count; None counts all. A scan that lists again
            half way names those that it began with: what was written since must not supersede a
            row that the scan still owes to its reader.

    Raises:
        ObjectNotFoundError: A part was merged away since it was listed.
    """
    leaves: dict[str, frozenset[str]] = {}
    first_of: dict[str, Mask] = {}
    current: dict[str, Mask] = {}
    seen: set[str] = set()
    telling = _telling_column(spec)
    told: list[pa.ChunkedArray] = []
    for name in names:
        part = Part(store, spec, name)
        first = first_of[name] = part.rows_of(
            leaf.name not in seen and (within is None or leaf.name in within)
            for leaf in part.leaves
        )
        leaves[name] = frozenset(leaf.name for leaf in part.leaves)
        seen |= leaves[name]
        if not first.all():
            current[name] = first.copy()
        if telling is not None:
            told.append(_of_rows(part.read([telling]), first).column(telling))
    row_count = sum(int(first.sum()) for first in first_of.values())
    if telling is None or not _all_differ(told):
        for name, losers in superseded(store, spec, _key_rows(store, spec, first_of)).items():
            if name not in current:
                current[name] = np.ones(len(first_of[name]), dtype=np.bool_)
            current[name][losers] = False
            row_count -= len(losers)
    return Listing(leaves, current, row_count)


def _telling_column(spec: "TableSpec[Any]") -> str | None:
    """Returns a column of the key that is compared fast: where all its values differ, so do keys.

    That is what nearly always is so of the ids that a server gives, and of a key of one column.
    """
    if len(spec.key) == 1:
        return spec.key[0]
    kinds = {name: spec.schema.field(name).type for name in spec.key}
    return next((name for name in reversed(spec.key) if pa.types.is_integer(kinds[name])), None)


def _all_differ(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Tells whether no two values are the same; a null is the same as nothing and as itself."""
    if not columns:
        return True
    values = pa.chunked_array([chunk for column in columns for chunk in column.chunks])
    if values.null_count:
        return False
    if pa.types.is_integer(values.type):
        ordered = np.sort(values.to_numpy())
        return not bool((ordered[1:] == ordered[:-1]).any())
    return len(KeySet(values)) == len(values)


def _key_rows(store: ObjectStore, spec: "TableSpec[Any]", first_of: Mapping[str, Mask]) -> KeyRows:
    """Reads keys and ranks of the rows that lie in no part before."""
    rank = spec.version or CREATED_AT.name
    keys: dict[str, list[pa.Array]] = {column: [] for column in spec.key}
    ranks: list[npt.NDArray[np.int64]] = []
    for name, first in first_of.items():
        part = Part(store, spec, name)
        for column, chunks in keys.items():
            for batch in part.batches([column], _BATCH_ROWS, first):
                strings = batch.column(column).cast(pa.string())
                chunks += pc.fill_null(strings, "").cast(ENCODED).chunks
        ranks.append(_of_rows(part.read([rank]), first).column(rank).cast(pa.int64()).to_numpy())
    positions = [np.flatnonzero(first) for first in first_of.values()]
    numbers = joined([numbered(pa.chunked_array(chunks, ENCODED)) for chunks in keys.values()])
    return KeyRows(tuple(first_of), numbers, ranks, positions)


def _of_rows(table: pa.Table, rows: Mask) -> pa.Table:
    return table if rows.all() else table.filter(pa.array(rows))
