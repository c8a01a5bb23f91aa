"""The keys of a long listing are kept, and are those of the file as it is now."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from alignbench.flows.intake import listed_keys as module
from alignbench.flows.intake.listed_keys import listed_keys
from alignbench.generators.sources.urls import UrlsOptions, UrlsSource
from alignbench.schemas.protocols import Surroundings
from alignbench.workspace.stores.local import LocalStore

Listed = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def every_listing_is_long_and_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_KEPT", 2)
    monkeypatch.setattr(module, "_SETTLED_SECONDS", 0.0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "images.csv"
    write(path, "ab")
    return path


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "workspace").mkdir()
    return LocalStore(tmp_path / "workspace")


def write(path: Path, names: str) -> None:
    path.write_text("\n".join(["url", *(f"https://example.org/{name}" for name in names)]) + "\n")


def keys(store: LocalStore, table: Path, **options: str) -> tuple[list[str], int]:
    """Returns the keys, which are the URLs here, and how often the source was listed for them."""
    source = UrlsSource(
        UrlsOptions(path=str(table), **options), Surroundings("web", table.parent, False)
    )
    times = 0

    def listing() -> Iterator[list[str]]:
        nonlocal times
        times += 1
        yield [entry.locator for entry in source.items()]

    found: list[str] = []
    for some in listed_keys(store, "web", source, listing):
        found += some.to_pylist() if isinstance(some, pa.ChunkedArray) else some
    return [key.rpartition("/")[2] for key in found], times


def test_a_file_that_has_not_changed_is_not_read_again(store: LocalStore, table: Path) -> None:
    assert keys(store, table) == (["a", "b"], 1)
    assert keys(store, table) == (["a", "b"], 0)


def test_a_file_of_the_same_size_and_time_is_read_again_when_it_was_written(
    store: LocalStore, table: Path
) -> None:
    keys(store, table)
    before = table.stat()
    write(table, "xy")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = table.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size, before.st_mtime_ns, before.st_ino,
    )  # fmt: skip
    assert keys(store, table) == (["x", "y"], 1)


def test_a_file_that_was_put_in_its_place_is_read(store: LocalStore, table: Path) -> None:
    keys(store, table)
    other = table.with_name("other.csv")
    write(other, "xy")
    other.replace(table)
    assert keys(store, table) == (["x", "y"], 1)


def test_what_was_written_a_moment_ago_is_not_kept(
    store: LocalStore, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLED_SECONDS", 60.0)
    assert keys(store, table)[1] == keys(store, table)[1] == 1


def test_a_file_that_changes_while_it_is_read_is_not_kept(store: LocalStore, table: Path) -> None:
    source = UrlsSource(UrlsOptions(path=str(table)), Surroundings("web", table.parent, False))

    def listing() -> Iterator[list[str]]:
        yield ["a"]
        write(table, "xyz")
        yield ["b"]

    list(listed_keys(store, "web", source, listing))
    assert keys(store, table) == (["x", "y", "z"], 1)


def test_other_options_list_anew(store: LocalStore, table: Path) -> None:
    keys(store, table)
    assert keys(store, table, encoding="cp1252")[1] == 1


def test_a_short_listing_is_not_kept(
    store: LocalStore, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEWEST_KEPT", 3)
    keys(store, table)
    assert not (Path(store.url) / "cache").exists()


def test_a_damaged_file_counts_as_none(store: LocalStore, table: Path) -> None:
    keys(store, table)
    (kept,) = (Path(store.url) / "cache" / "listings").iterdir()
    for damage in (b"", b"nothing of Arrow's", kept.read_bytes()[:-40]):
        kept.write_bytes(damage)
        assert keys(store, table) == (["a", "b"], 1)


def test_somebody_who_may_not_write_gets_the_keys(store: LocalStore, table: Path) -> None:
    class ReadOnly(LocalStore):
        def write(self, key: str, data: bytes) -> None:
            raise PermissionError(13, "Permission denied", key)

    assert keys(ReadOnly(Path(store.url)), table) == (["a", "b"], 1)
    assert keys(ReadOnly(Path(store.url)), table) == (["a", "b"], 1)
