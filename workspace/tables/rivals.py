"""Which of several rows of one key is the table's row; the rule is in `workspace.tables.table`."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.tables import TableSpec
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.parts import Part

Integers = npt.NDArray[np.int64]

_BATCH_ROWS = 8192


class KeyRows(NamedTuple):
    """Keys and ranks of the rows of some parts.

    Attributes:
        parts: Names of the parts.
        keys: A number for each row, part after part, which rows of one key share.
        ranks: Per part, the version or the age of each row, as integers.
        positions: Per part, where in it each row stands, ascending.
    """

    parts: tuple[str, ...]
    keys: Integers
    ranks: Sequence[Integers]
    positions: Sequence[Integers]


class _Content(NamedTuple):
    """What decides between rivals of one rank.

    The commit and the place in it come last: they tell apart rows that are wholly the same, and
    unlike the part they stay what they are when parts are merged.
    """

    row_hash: str
    leaf: str
    offset: int


def superseded(store: ObjectStore, spec: "TableSpec[Any]", rows: KeyRows) -> dict[str, Integers]:
    """Returns, per part, the positions of the rows that lost against another row of their key."""
    rivals = _with_rivals(rows.keys)
    if not len(rivals):
        return {}
    repeated, key = np.unique(rows.keys[rivals], return_inverse=True)
    part = np.repeat(np.arange(len(rows.parts)), [len(found) for found in rows.positions])[rivals]
    position = np.concatenate(rows.positions)[rivals]
    # The highest version wins, but the oldest row.
    order = np.concatenate(rows.ranks)[rivals] * (-1 if spec.version else 1)
    best = np.full(len(repeated), np.iinfo(np.int64).max)
    np.minimum.at(best, key, order)
    loses = order != best[key]
    tied = ~loses & (np.bincount(key[~loses], minlength=len(best)) > 1)[key]
    for group in _ties(store, spec, rows.parts, part, position, key, np.flatnonzero(tied)):
        loses[[index for _, index in sorted(group)[1:]]] = True
    return {
        rows.parts[number]: position[loses & (part == number)] for number in np.unique(part[loses])
    }


def _with_rivals(keys: Integers) -> Integers:
    """Returns the rows whose key another row has too."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    shares = np.zeros(len(keys), np.bool_)
    shares[1:] |= same
    shares[:-1] |= same
    return np.sort(order[shares])


def _ties(
    store: ObjectStore,
    spec: "TableSpec[Any]",
    parts: Sequence[str],
    part: Integers,
    position: Integers,
    key: Integers,
    tied: Integers,
) -> Iterable[list[tuple[_Content, int]]]:
    """Returns, per key, the rivals of equal rank; each part that holds some is read once."""
    groups: defaultdict[int, list[tuple[_Content, int]]] = defaultdict(list)
    for number in np.unique(part[tied]):
        here = tied[part[tied] == number]
        contents = _contents(Part(store, spec, parts[number]), spec, position[here])
        for index, content in zip(here.tolist(), contents, strict=True):
            groups[int(key[index])].append((content, index))
    return groups.values()


def _contents(part: Part, spec: "TableSpec[Any]", positions: Integers) -> Iterator[_Content]:
    chosen = np.zeros(part.row_count, dtype=np.bool_)
    chosen[positions] = True
    batches = part.batches(spec.schema.names, _BATCH_ROWS, chosen)
    found = (row for batch in batches for row in batch.to_pylist())
    starts = np.cumsum([0, *(leaf.rows for leaf in part.leaves)])
    for position, row in zip(positions.tolist(), found, strict=True):
        leaf = int(np.searchsorted(starts, position, side="right")) - 1
        content = json.dumps(row, sort_keys=True, default=str)
        yield _Content(
            sha256_hex(content.encode()), part.leaves[leaf].name, position - int(starts[leaf])
        )
