"""Which rows of a table's parts are current: one pass over key columns, held whole.

Two things can make a row not current: the same commit lies in two parts, because a merge was killed
before it deleted its sources; or the same key was written twice (see `workspace.table`).
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.ids import sha256_hex
from schemas.tables import CREATED_AT, TableSpec
from workspace.keys import key_column
from workspace.parts import Part
from workspace.store import ObjectStore

Mask = npt.NDArray[np.bool_]


class Listing(NamedTuple):
    """A table's parts at one moment.

    Attributes:
        names: The parts, in order.
        leaves: Names of all first commits that the parts hold.
        current: Per part with rows that are not current, which of its rows are.
    """

    names: tuple[str, ...]
    leaves: frozenset[str]
    current: dict[str, Mask]


class _Rows(NamedTuple):
    """Key and rank of the rows of one part that hold the first copy of their commit."""

    part: str
    positions: npt.NDArray[np.int64]
    keys: pa.ChunkedArray
    ranks: pa.ChunkedArray


def take_listing(store: ObjectStore, spec: "TableSpec[Any]", names: Sequence[str]) -> Listing:
    """Reads key columns of all parts and works out which rows are current.

    Raises:
        ObjectNotFoundError: A part was merged away since it was listed.
    """
    rank = spec.version or CREATED_AT.name
    leaves: set[str] = set()
    current: dict[str, Mask] = {}
    found: list[_Rows] = []
    for name in names:
        part = Part(store, spec, name)
        first = part.rows_of(leaf.name not in leaves for leaf in part.leaves)
        leaves.update(leaf.name for leaf in part.leaves)
        if not first.all():
            current[name] = first
        table = part.read([*spec.key, rank]).filter(pa.array(first))
        positions = np.flatnonzero(first)
        found.append(_Rows(name, positions, key_column(table, spec.key), table.column(rank)))
    for name, position in _superseded(store, spec, found):
        if name not in current:
            current[name] = np.ones(Part(store, spec, name).row_count, dtype=np.bool_)
        current[name][position] = False
    return Listing(tuple(names), frozenset(leaves), current)


def _superseded(
    store: ObjectStore, spec: "TableSpec[Any]", found: Sequence[_Rows]
) -> list[tuple[str, int]]:
    keys = pa.chunked_array([c for rows in found for c in rows.keys.chunks], pa.string())
    counts = pc.value_counts(keys)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if not len(repeated):
        return []
    copies: dict[str, list[tuple[Any, str, int]]] = {}
    for rows in found:
        hit = np.flatnonzero(pc.is_in(rows.keys, value_set=repeated).to_numpy())
        for index in hit:
            copy = (rows.ranks[index].as_py(), rows.part, int(rows.positions[index]))
            copies.setdefault(rows.keys[index].as_py(), []).append(copy)
    losers = [_losers(store, spec, rivals) for rivals in copies.values()]
    return [loser for group in losers for loser in group]


def _losers(
    store: ObjectStore, spec: "TableSpec[Any]", rivals: list[tuple[Any, str, int]]
) -> list[tuple[str, int]]:
    best = (max if spec.version else min)(rank for rank, _, _ in rivals)
    equals = [(part, position) for rank, part, position in rivals if rank == best]
    if len(equals) > 1:
        # Ties go by content, so that every reader picks the same row whatever order it lists in.
        equals.sort(key=lambda place: (_row_hash(store, spec, *place), place))
    return [(part, position) for _, part, position in rivals if (part, position) != equals[0]]


def _row_hash(store: ObjectStore, spec: "TableSpec[Any]", name: str, position: int) -> str:
    row = Part(store, spec, name).read(spec.schema.names).slice(position, 1).to_pylist()[0]
    return sha256_hex(json.dumps(row, sort_keys=True, default=str).encode())
