"""Merging small parts into larger ones, so that a table of many commits reads fast.

Safe to kill at any moment and to run beside readers, writers and other compactions: the merged part
is written first, its sources are deleted after. Between the two, a row lies in two parts, and
readers take one; a reader that finds a source gone goes on in the merged part.

No row can be lost, because a part is deleted only while another holds all its commits and more
(or the same ones, under a lower name): along that order no two parts are deleted for each other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa

from alignbench.workspace.errors import ObjectNotFoundError
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.parts import TABLES_FOLDER, Leaf, Part, encode_part, part_folder
from alignbench.workspace.tables.table import Table

MERGED_ROWS = 200_000
MANY_PARTS = 1000
"""From so many parts on, opening them takes longer than reading what is in them."""
_HELD_PARTS = 1000
"""Parts of a merge that are held one by one: each column of each costs memory of its own."""


class Compaction(NamedTuple):
    """What a compaction did."""

    parts_before: int
    parts_after: int


def crowded_tables(store: ObjectStore) -> dict[str, int]:
    """Returns how many parts the tables have that should be compacted, by name."""
    counts = Counter(info.key.split("/")[1] for info in store.list(TABLES_FOLDER))
    return {name: count for name, count in sorted(counts.items()) if count >= MANY_PARTS}


class _Source(NamedTuple):
    """A part that may be merged or deleted."""

    name: str
    rows: int
    leaves: frozenset[str]


def compact(table: "Table[Any]", merged_rows: int = MERGED_ROWS) -> Compaction:
    """Merges the parts of a table into parts of about `merged_rows` rows.

    Raises:
        CorruptPartError: A part is damaged; nothing that holds its rows is deleted.
    """
    before = table.part_names()
    sources = list(_sources(table, before))
    spent = _spent(sources)
    for source in sources:
        if source.name in spent:  # left over from a compaction that was killed
            _delete(table, source.name)
    for group in _groups([source for source in sources if source.name not in spent], merged_rows):
        with suppress(ObjectNotFoundError):  # another compaction merged one of them meanwhile
            _merge(table, group)
    return Compaction(len(before), len(table.part_names()))


def _sources(table: "Table[Any]", names: Sequence[str]) -> Iterator[_Source]:
    for name in names:
        with suppress(ObjectNotFoundError):
            part = Part(table.store, table.spec, name)
            yield _Source(name, part.row_count, frozenset(leaf.name for leaf in part.leaves))


def _spent(sources: Sequence[_Source]) -> set[str]:
    """Returns the parts whose commits all lie in one other part that stays."""
    holders: defaultdict[str, list[_Source]] = defaultdict(list)
    for source in sources:
        for leaf in source.leaves:
            holders[leaf].append(source)
    return {
        source.name
        for source in sources
        if any(_covers(other, source) for other in holders[min(source.leaves)])
    }


def _covers(part: _Source, other: _Source) -> bool:
    if part.leaves == other.leaves:
        return part.name < other.name
    return part.leaves > other.leaves


def _groups(sources: Sequence[_Source], merged_rows: int) -> Iterator[list[str]]:
    group: list[str] = []
    rows = 0
    for source in sources:
        if source.rows >= merged_rows:
            continue
        if rows + source.rows > merged_rows and group:
            if len(group) > 1:
                yield group
            group, rows = [], 0
        group.append(source.name)
        rows += source.rows
    if len(group) > 1:
        yield group


def _merge(table: "Table[Any]", names: Sequence[str]) -> None:
    seen: set[str] = set()
    leaves: list[Leaf] = []
    contents: list[pa.Table] = []
    for name in names:
        part = Part(table.store, table.spec, name)
        part.verify()  # or the damage would get a valid name
        fresh = [leaf for leaf in part.leaves if leaf.name not in seen]
        seen.update(leaf.name for leaf in fresh)
        rows = part.rows_of(leaf in fresh for leaf in part.leaves)
        contents.append(part.read(table.spec.schema.names).filter(pa.array(rows)))
        leaves += fresh
        if len(contents) >= _HELD_PARTS:
            contents = [pa.concat_tables(contents).combine_chunks()]
    merged, data = encode_part(table.spec.name, pa.concat_tables(contents), leaves)
    table.store.write(f"{part_folder(table.spec.name)}/{merged}", data)
    for name in names:
        _delete(table, name)


def _delete(table: "Table[Any]", name: str) -> None:
    table.store.delete(f"{part_folder(table.spec.name)}/{name}")
