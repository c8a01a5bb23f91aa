"""Merging small parts into larger ones, so that a table of many commits reads fast.

Safe to kill at any moment and to run beside readers and writers: the merged part is written first,
its sources are deleted after. Between the two, a row lies in two parts, and readers take one; a
reader that finds a source gone goes on in the merged part.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from workspace.parts import Leaf, Part, encode_part, part_folder
from workspace.table import Table

MERGED_ROWS = 200_000


class Compaction(NamedTuple):
    """What a compaction did."""

    parts_before: int
    parts_after: int


def compact(table: "Table[Any]", merged_rows: int = MERGED_ROWS) -> Compaction:
    """Merges the parts of a table into parts of about `merged_rows` rows."""
    names = table.part_names()
    after = len(names)
    for group in _groups(table, names, merged_rows):
        _merge(table, group)
        after -= len(group) - 1
    return Compaction(len(names), after)


def _groups(table: "Table[Any]", names: list[str], merged_rows: int) -> Iterator[list[str]]:
    group: list[str] = []
    rows = 0
    for name in names:
        size = Part(table.store, table.spec, name).row_count
        if size >= merged_rows:
            continue
        if rows + size > merged_rows and group:
            if len(group) > 1:
                yield group
            group, rows = [], 0
        group.append(name)
        rows += size
    if len(group) > 1:
        yield group


def _merge(table: "Table[Any]", names: list[str]) -> None:
    leaves: list[Leaf] = []
    contents: list[pa.Table] = []
    for name in names:
        part = Part(table.store, table.spec, name)
        fresh = [all(leaf.name != known.name for known in leaves) for leaf in part.leaves]
        contents.append(part.read(table.spec.schema.names).filter(pa.array(part.rows_of(fresh))))
        leaves += [leaf for leaf, is_fresh in zip(part.leaves, fresh, strict=True) if is_fresh]
    merged, data = encode_part(table.spec.name, pa.concat_tables(contents), leaves)
    folder = part_folder(table.spec.name)
    table.store.write(f"{folder}/{merged}", data)
    for name in names:
        if name != merged:
            table.store.delete(f"{folder}/{name}")
