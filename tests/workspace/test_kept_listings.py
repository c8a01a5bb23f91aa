"""A large table's listing is kept, and is always that of the parts that are there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignbench.schemas.rows.annotation import Withdrawn
from alignbench.schemas.tables import WITHDRAWN
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables import table as module
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.tables.parts import part_folder
from alignbench.workspace.tables.table import Table


@pytest.fixture(autouse=True)
def every_table_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_PARTS", 1)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each listing had that was worked out from them."""
    found: list[int] = []
    original: Callable[..., Any] = module.take_listing

    def counted(store: ObjectStore, spec: Any, names: list[str], within: Any = None) -> Any:
        found.append(len(names))
        return original(store, spec, names, within)

    monkeypatch.setattr(module, "take_listing", counted)
    return found


def append(store: ObjectStore, *versions: tuple[str, int]) -> None:
    rows = [Withdrawn(kind="image", id=key, reason="asked", version=v) for key, v in versions]
    Table(store, WITHDRAWN).append(rows, "run")


def current(store: ObjectStore) -> dict[str, int]:
    """Returns the versions that a new process reads."""
    fresh = Table(store, WITHDRAWN)
    found = {row.id: row.version for row in fresh.rows()}
    assert fresh.count() == len(found)
    return found


def test_parts_are_looked_through_once(store: ObjectStore, taken: list[int]) -> None:
    append(store, ("a", 1), ("b", 1))
    append(store, ("a", 2))
    assert current(store) == current(store) == {"a": 2, "b": 1}
    assert taken == [2]


def test_a_further_part_counts_at_once(store: ObjectStore, taken: list[int]) -> None:
    append(store, ("a", 1), ("b", 1))
    current(store)
    append(store, ("b", 2))
    assert current(store) == {"a": 1, "b": 2}
    assert taken == [1, 2]


def test_merged_parts_read_as_they_were(store: ObjectStore, taken: list[int]) -> None:
    for version in range(1, 5):
        append(store, ("a", version), (f"only {version}", 1))
    before = current(store)
    compact(Table(store, WITHDRAWN))
    assert current(store) == current(store) == before
    assert taken == [4, 1]


def test_what_a_killed_merge_left_reads_as_it_was(store: ObjectStore) -> None:
    append(store, ("a", 1))
    append(store, ("a", 2), ("b", 1))
    folder = part_folder(WITHDRAWN.name)
    sources = {info.key: store.read(info.key) for info in store.list(folder)}
    before = current(store)
    compact(Table(store, WITHDRAWN))
    for key, data in sources.items():
        store.write(key, data)
    assert current(store) == current(store) == before


def test_a_part_that_is_gone_is_noticed(store: ObjectStore) -> None:
    append(store, ("a", 1))
    append(store, ("b", 1))
    current(store)
    first = next(iter(store.list(part_folder(WITHDRAWN.name))))
    store.delete(first.key)
    assert len(current(store)) == 1


def test_a_damaged_listing_counts_as_none(tmp_path: Path, taken: list[int]) -> None:
    store = LocalStore(tmp_path)
    append(store, ("a", 1), ("a", 2))
    current(store)
    kept = tmp_path / "cache" / "tables" / "withdrawn.arrow"
    for damage in (b"", b"nothing of Arrow's", kept.read_bytes()[:50]):
        kept.write_bytes(damage)
        assert current(store) == {"a": 2}
    assert len(taken) == 4


def test_somebody_who_may_not_write_reads_the_table(tmp_path: Path) -> None:
    class ReadOnly(LocalStore):
        def write(self, key: str, data: bytes) -> None:
            raise PermissionError(13, "Permission denied", key)

    append(LocalStore(tmp_path), ("a", 1), ("a", 2))
    assert current(ReadOnly(tmp_path)) == current(ReadOnly(tmp_path)) == {"a": 2}


def test_of_a_small_table_nothing_is_kept(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEWEST_PARTS", 2)
    append(store, ("a", 1))
    current(store)
    assert not list(store.list("cache"))
