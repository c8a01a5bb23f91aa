"""Which rows of a table's parts are current: one pass over key columns, held whole.

Two things can make a row not current: the same commit lies in two parts, because a merge was killed
before it deleted its sources; or the same key was written twice (see `workspace.table`).
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alignbench.schemas.tables import CREATED_AT, TableSpec
from alignbench.workspace.keys import key_column
from alignbench.workspace.parts import Part
from alignbench.workspace.rivals import KeyRows, superseded
from alignbench.workspace.store import ObjectStore

Mask = npt.NDArray[np.bool_]


class Listing(NamedTuple):
    """A table's parts at one moment.

    Attributes:
        leaves: The parts, in order, each with the names of the first commits that it holds.
        current: Per part with rows that are not current, which of its rows are.
    """

    leaves: dict[str, frozenset[str]]
    current: dict[str, Mask]

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
    rank = spec.version or CREATED_AT.name
    leaves: dict[str, frozenset[str]] = {}
    current: dict[str, Mask] = {}
    seen: set[str] = set()
    keys: list[pa.Array] = []
    ranks: list[npt.NDArray[np.int64]] = []
    positions: list[npt.NDArray[np.int64]] = []
    for name in names:
        part = Part(store, spec, name)
        first = part.rows_of(
            leaf.name not in seen and (within is None or leaf.name in within)
            for leaf in part.leaves
        )
        leaves[name] = frozenset(leaf.name for leaf in part.leaves)
        seen |= leaves[name]
        if not first.all():
            current[name] = first
        table = part.read([*spec.key, rank]).filter(pa.array(first))
        keys += key_column(table, spec.key).chunks
        ranks.append(table.column(rank).cast(pa.int64()).to_numpy())
        positions.append(np.flatnonzero(first))
    rows = KeyRows(tuple(names), pa.chunked_array(keys, pa.string()), ranks, positions)
    for name, losers in superseded(store, spec, rows).items():
        if name not in current:
            current[name] = np.ones(Part(store, spec, name).row_count, dtype=np.bool_)
        current[name][losers] = False
    return Listing(leaves, current)
