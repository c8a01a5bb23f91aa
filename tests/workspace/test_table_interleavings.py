"""Scans, commits and merges in any order: each scan gives each row once, as it was at its start."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from alignbench.schemas.rows.annotation import Withdrawn
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS, WITHDRAWN, TableSpec
from alignbench.workspace.errors import ObjectNotFoundError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectInfo, ObjectStore
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.tables.parts import Part
from alignbench.workspace.tables.table import Table
from tests.workspace.test_tables import prompt, withdrawn


class Killed(BaseException):
    """Stands for the end of the process."""


class MortalStore:
    """A store whose process is killed at its n-th change."""

    def __init__(self, store: ObjectStore, changes: int) -> None:
        self._store = store
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, key: str, data: bytes) -> None:
        self._live()
        self._store.write(key, data)

    def delete(self, key: str) -> None:
        self._live()
        self._store.delete(key)

    def _live(self) -> None:
        if self._changes == 0:
            raise Killed
        self._changes -= 1


class Row(NamedTuple):
    key: str
    version: int


class Scan(NamedTuple):
    batches: Iterator[pa.Table]
    seen: list[Row]
    owed: dict[str, int]


class TableMachine(RuleBasedStateMachine):
    """A model of a table is a dictionary; a scan owes what it held when the scan began."""

    spec: TableSpec[Any]
    version: str
    scans = Bundle("scans")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.store = LocalStore(self.root)
        self.table = Table(self.store, self.spec)
        self.current: dict[str, int] = {}
        self.clock = 0

    def make(self, key: str, version: int) -> Any:
        raise NotImplementedError

    def supersedes(self) -> bool:
        raise NotImplementedError

    @rule(keys=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
    def append(self, keys: list[str]) -> None:
        self.clock += 1
        Table(self.store, self.spec).append([self.make(key, self.clock) for key in keys], "run")
        for key in keys:
            if self.supersedes() or key not in self.current:
                self.current[key] = self.clock

    @rule(merged_rows=st.integers(2, 12))
    def compact(self, merged_rows: int) -> None:
        compact(Table(self.store, self.spec), merged_rows)

    @rule(merged_rows=st.integers(2, 12), changes=st.integers(0, 4))
    def compact_killed(self, merged_rows: int, changes: int) -> None:
        mortal: Any = MortalStore(self.store, changes)
        with contextlib.suppress(Killed):
            compact(Table(mortal, self.spec), merged_rows)

    @rule(target=scans, same_reader=st.booleans(), batch_rows=st.integers(1, 3))
    def begin(self, same_reader: bool, batch_rows: int) -> Scan:
        table = self.table if same_reader else Table(self.store, self.spec)
        scan = Scan(self._rows(table, batch_rows), [], dict(self.current))
        self.step(scan)
        return scan

    @rule(scan=scans)
    def step(self, scan: Scan) -> None:
        scan.seen.extend(next(scan.batches, []))

    @rule(scan=consumes(scans))
    def finish(self, scan: Scan) -> None:
        for rows in scan.batches:
            scan.seen.extend(rows)
        assert sorted(scan.seen) == sorted(Row(*item) for item in scan.owed.items())

    @invariant()
    def every_reader_agrees(self) -> None:
        assert self.table.count() == len(self.current)

    def _rows(self, table: Table[Any], batch_rows: int) -> Iterator[list[Row]]:
        key = self.spec.key[-1]
        for batch in table.scan([key, self.version], batch_rows=batch_rows):
            versions = map(int, batch[self.version].to_pylist())
            yield [Row(*pair) for pair in zip(batch[key].to_pylist(), versions, strict=True)]

    def teardown(self) -> None:
        shutil.rmtree(self.root)


class ImmutableMachine(TableMachine):
    spec = PROMPTS
    version = "text"

    def make(self, key: str, version: int) -> Prompt:
        return prompt(key, str(version))

    def supersedes(self) -> bool:
        return False


class VersionedMachine(TableMachine):
    spec = WITHDRAWN
    version = "version"

    def make(self, key: str, version: int) -> Withdrawn:
        return withdrawn(key, version)

    def supersedes(self) -> bool:
        return True


TestImmutable = ImmutableMachine.TestCase
TestVersioned = VersionedMachine.TestCase
TestImmutable.settings = TestVersioned.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None
)


def filled(store: ObjectStore, parts: int = 4) -> Table[Prompt]:
    table = Table(store, PROMPTS)
    for part in range(parts):
        table.append([prompt(f"{part}-{row}") for row in range(3)], "run")
    return table


def keys(table: Table[Prompt]) -> list[str]:
    return sorted(row.prompt_id for row in table.rows())


ALL_KEYS = [f"{part}-{row}" for part in range(4) for row in range(3)]


@pytest.mark.parametrize("pause", range(7))
@pytest.mark.parametrize("merged_rows", [6, 100])
def test_a_scan_goes_on_in_the_merged_part(
    store: ObjectStore, pause: int, merged_rows: int
) -> None:
    table = filled(store)
    scan = table.scan(["prompt_id"], batch_rows=2)
    seen = [next(scan) for _ in range(pause)]
    compact(Table(store, PROMPTS), merged_rows)
    compact(Table(store, PROMPTS), merged_rows=100)
    seen += scan
    assert sorted(key for batch in seen for key in batch["prompt_id"].to_pylist()) == ALL_KEYS


def test_a_scan_gives_the_row_that_was_current_when_it_began(store: ObjectStore) -> None:
    table = Table(store, WITHDRAWN)
    for number in range(4):
        table.append([withdrawn(f"{number}", 1)], "run")
    scan = table.scan(["id", "version"])
    seen = [next(scan)]
    table.append([withdrawn(f"{number}", 2) for number in range(4)], "run")
    compact(Table(store, WITHDRAWN))
    seen += scan
    found = [row for batch in seen for row in batch.to_pylist()]
    assert sorted((row["id"], row["version"]) for row in found) == [
        ("0", 1), ("1", 1), ("2", 1), ("3", 1),
    ]  # fmt: skip
    assert {row.version for row in table.rows()} == {2}


@pytest.mark.parametrize("changes", range(6))
def test_a_killed_compaction_changes_nothing_that_is_read(store: ObjectStore, changes: int) -> None:
    filled(store)
    mortal: Any = MortalStore(store, changes)
    try:
        compact(Table(mortal, PROMPTS))
    except Killed:
        assert changes < 5
    assert keys(Table(store, PROMPTS)) == ALL_KEYS
    compact(Table(store, PROMPTS))
    assert len(Table(store, PROMPTS).part_names()) == 1
    assert keys(Table(store, PROMPTS)) == ALL_KEYS


def test_what_a_killed_compaction_left_does_not_grow(local_store: LocalStore) -> None:
    for turn in range(4):
        Table(local_store, PROMPTS).append([prompt(f"{turn}")], "run")
        mortal: Any = MortalStore(local_store, 1)
        with contextlib.suppress(Killed):
            compact(Table(mortal, PROMPTS), merged_rows=2)
    compact(Table(local_store, PROMPTS), merged_rows=2)
    table = Table(local_store, PROMPTS)
    assert sum(rows for rows in part_sizes(table)) == 4
    assert keys(table) == ["0", "1", "2", "3"]


def part_sizes(table: Table[Any]) -> list[int]:
    return [Part(table.store, table.spec, name).row_count for name in table.part_names()]


def test_two_compactions_at_once_lose_nothing(store: ObjectStore) -> None:
    filled(store)

    class Interrupted(MortalStore):
        """Another compaction runs whole before each change of this one."""

        def _live(self) -> None:
            compact(Table(store, PROMPTS), merged_rows=7)

    interrupted: Any = Interrupted(store, 0)
    compact(Table(interrupted, PROMPTS), merged_rows=100)
    assert keys(Table(store, PROMPTS)) == ALL_KEYS


def test_compacting_again_does_nothing(store: ObjectStore) -> None:
    table = filled(store)
    assert compact(table, merged_rows=6) == (4, 2)
    names = table.part_names()
    assert compact(table, merged_rows=6) == (2, 2)
    assert table.part_names() == names


def test_compacting_an_empty_table_does_nothing(store: ObjectStore) -> None:
    assert compact(Table(store, PROMPTS)) == (0, 0)


@pytest.mark.parametrize("listed", range(5))
def test_a_merge_during_the_listing_hides_no_row(store: ObjectStore, listed: int) -> None:
    filled(store)

    class MergedWhileListed(MortalStore):
        """A merge happens after so many entries of the first listing were given."""

        merge: Callable[[], object] | None = lambda _: compact(Table(store, PROMPTS))

        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            before = [*store.list(prefix)]
            yield from before[:listed]
            if self.merge is not None:
                self.merge()
                self.merge = None
            yield from (info for info in before[listed:] if store.exists(info.key))

    merging: Any = MergedWhileListed(store, 0)
    assert keys(Table(merging, PROMPTS)) == ALL_KEYS


def test_parts_deleted_by_hand_during_a_scan_are_an_error(store: ObjectStore) -> None:
    table = filled(store)
    scan = table.scan(["prompt_id"])
    next(scan)
    for info in list(store.list("tables/prompts")):
        store.delete(info.key)
    with pytest.raises(ObjectNotFoundError, match="keep disappearing"):
        list(scan)
