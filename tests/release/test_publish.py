"""A release is put into a store by the run that holds its lock, and by no other."""

from pathlib import Path

import pytest

from alignbench.release.publishing.publish import publish, remove_leftovers
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS
from alignbench.schemas.fence import fenced
from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.errors import LockLostError
from alignbench.workspace.stores.local import LocalStore


class LockOf:
    """A lock that is another run's after its fence was asked so many times."""

    def __init__(self, times: int) -> None:
        self._left = times

    def fence(self) -> None:
        if not self._left:
            raise LockLostError("The lock is another run's.", "Wait.")
        self._left -= 1


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_run_that_lost_its_lock_writes_no_further_file(tmp_path: Path, written: int) -> None:
    folder, target = tmp_path / "release", LocalStore(tmp_path / "store")
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
    sums = "".join(f"{sha256_hex(name.encode())}  {name}\n" for name in ("a", "b"))
    (folder / CHECKSUMS).write_text(sums)
    release = open_release(str(folder))
    with fenced(LockOf(written).fence), pytest.raises(LockLostError):
        publish(target, "sets/1.0.0", release)
    assert len(list(target.list("sets"))) == written
    publish(target, "sets/1.0.0", release)
    assert len(list(target.list("sets"))) == 3


def test_a_run_that_lost_its_lock_deletes_nothing(tmp_path: Path) -> None:
    folder, target = tmp_path / "release", LocalStore(tmp_path / "store")
    folder.mkdir()
    (folder / "a").write_text("a")
    target.write("sets/1.0.0/another-runs", b"")
    with fenced(LockOf(0).fence), pytest.raises(LockLostError):
        remove_leftovers(target, "sets/1.0.0", open_release(str(folder)))
    assert target.exists("sets/1.0.0/another-runs")
