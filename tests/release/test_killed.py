"""A release that is really killed, at each of its writes, is there whole or not at all."""

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest

from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.release.verify.verify import verify
from alignbench.release_format.checksums import checksums_of
from alignbench.release_format.layout import CHECKSUMS
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import CONFIG, Rows, make_workspace, released_folder
from tests.release.stores import DyingStore, KilledError


class ShotStore(DyingStore):
    """A store whose process is killed before a write, without any chance to tidy up."""

    def _die_if_due(self) -> None:
        try:
            super()._die_if_due()
        except KilledError:
            os.kill(os.getpid(), signal.SIGKILL)


def release(root: Path, rows: Rows, writes: int) -> None:
    build_release(Workspace(ShotStore(root, writes)), rows.selection, CONFIG)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows, dict[str, str]]:
    """A workspace with labels, its rows, and the files that its release comes to."""
    folder = tmp_path_factory.mktemp("killed")
    workspace, rows = make_workspace(LocalStore(folder / "labelled"))
    compute_labels(workspace, rows.selection, "run-1")
    whole = Path(shutil.copytree(folder / "labelled", folder / "whole"))
    build_release(Workspace(LocalStore(whole)), rows.selection, CONFIG)
    return folder / "labelled", rows, checksums_of(released_folder(Workspace(LocalStore(whole))))


def killed_at(writes: int, source: Path, rows: Rows, root: Path) -> int | None:
    """Releases a copy of a workspace in a process that dies before that write."""
    shutil.copytree(source, root)
    process = multiprocessing.get_context("fork").Process(target=release, args=(root, rows, writes))
    process.start()
    process.join()
    return process.exitcode


def assert_nothing_then_all(root: Path, rows: Rows, expected: dict[str, str]) -> None:
    folder = released_folder(Workspace(LocalStore(root)))
    assert not (folder / CHECKSUMS).exists()
    assert not folder.exists() or not verify(folder).ok
    build_release(Workspace(LocalStore(root)), rows.selection, CONFIG)
    assert checksums_of(folder) == expected


@pytest.mark.parametrize("place", ["first", "in the middle", "last"])
def test_killed_before_a_write_there_is_nothing_and_the_next_run_makes_all(
    labelled, tmp_path, place
):
    source, rows, expected = labelled
    writes = {"first": 0, "in the middle": len(expected) // 2, "last": len(expected)}[place]
    assert killed_at(writes, source, rows, tmp_path / "copy") == -signal.SIGKILL
    assert_nothing_then_all(tmp_path / "copy", rows, expected)


def test_what_a_killed_run_wrote_of_the_same_release_is_kept_and_of_another_is_not(
    labelled, tmp_path
):
    source, rows, expected = labelled
    root = tmp_path / "copy"
    assert killed_at(len(expected) // 2, source, rows, root) == -signal.SIGKILL
    folder = released_folder(Workspace(LocalStore(root)))
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}
    assert written
    (folder / "data" / "former").mkdir()
    (folder / "data" / "former" / "test-00000-of-00001.parquet").write_bytes(b"of another release")
    assert_nothing_then_all(root, rows, expected)
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_killed_before_each_of_its_writes_there_is_nothing_or_all_of_it(labelled, tmp_path):
    source, rows, expected = labelled
    for writes in range(len(expected) + 1):  # each file, and the pseudonyms
        root = tmp_path / f"killed-at-{writes}"
        assert killed_at(writes, source, rows, root) == -signal.SIGKILL
        assert_nothing_then_all(root, rows, expected)
    root = tmp_path / "not-killed"
    assert killed_at(len(expected) + 1, source, rows, root) == 0
    assert checksums_of(released_folder(Workspace(LocalStore(root)))) == expected
