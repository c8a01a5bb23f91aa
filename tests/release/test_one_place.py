"""Two operators whose releases go to one place at once: one whole release, and one clear error."""

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from alignbench.flows.imports import import_set
from alignbench.release.build import build_release
from alignbench.release.errors import ReleaseExistsError
from alignbench.release.labels.compute import compute_labels
from alignbench.release.publishing.upload import upload_release
from alignbench.release.verify.verify import verify
from alignbench.release_format.checksums import checksums_of
from alignbench.workspace.errors import LockHeldError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.workspace import Workspace
from tests.faults.deaths import Meanwhile, Writes, writes_counted
from tests.fixtures.s3 import BUCKET
from tests.release.benchmark import CONFIG, Rows, released_folder
from tests.release.corruption import DATA, change_rows
from tests.release.importers.specimens import FULL, RIGHT, lines

PLACE = "small/1.0.0"
Store = type[LocalStore | S3Store]


def import_of(folder: Path, *records: object, to: str) -> Callable[[], object]:
    """Returns an import of a set with these sentences."""
    path = folder / f"{uuid.uuid4().hex}.jsonl"
    path.write_text(lines(*records), encoding="utf-8")
    return lambda: import_set("alignbench", [path], to)


def other_release(folder: Path, released: Path) -> Path:
    """Returns a release of the same name and version with other content."""
    other = Path(shutil.copytree(released, folder / "other"))
    change_rows(other, DATA, lambda rows: rows[0].update(domain="sea"))
    return other


def writes_of(act: Callable[[], object], store: Store) -> int:
    with writes_counted(Writes(), store) as writes:
        act()
    return writes.count


def refused(second: Callable[[], object]) -> Callable[[], None]:
    def act() -> None:
        with pytest.raises(LockHeldError, match=r"1\.0\.0"):
            second()

    return act


def check_both(
    first: Callable[[], object],
    second: Callable[[], object],
    address: str,
    number: int,
    kind: Store,
) -> None:
    """The second begins before a write of the first: it is refused, and refused again after it."""
    with writes_counted(Meanwhile(number, refused(second)), kind):
        first()
    with pytest.raises(ReleaseExistsError):
        second()
    assert verify(address).ok


def two_imports(folder: Path, to: str, number: int, kind: Store) -> None:
    acts = [import_of(folder, *rows, to=to) for rows in ([FULL], [FULL, RIGHT])]
    check_both(*acts, to, number, kind)


def test_two_imports_into_one_folder_leave_the_first_whole(tmp_path: Path) -> None:
    two_imports(tmp_path, str(tmp_path / PLACE), 3, LocalStore)


@pytest.mark.full
def test_two_imports_into_one_folder_at_any_write_leave_the_first_whole(tmp_path: Path) -> None:
    counted = import_of(tmp_path, FULL, to=str(tmp_path / "counted" / PLACE))
    for number in range(writes_of(counted, LocalStore)):
        two_imports(tmp_path, str(tmp_path / f"{number}" / PLACE), number, LocalStore)


@pytest.mark.full
@pytest.mark.usefixtures("s3_environment")
def test_two_imports_into_one_prefix_leave_the_first_whole(tmp_path: Path) -> None:
    two_imports(tmp_path, f"s3://{BUCKET}/{uuid.uuid4().hex}/{PLACE}", 3, S3Store)


@pytest.mark.usefixtures("s3_environment")
def test_two_releases_published_at_one_prefix_leave_the_first_whole(
    tmp_path: Path, released: Path
) -> None:
    target = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    acts = [
        lambda folder=folder: upload_release(str(folder), target)
        for folder in (released, other_release(tmp_path, released))
    ]
    check_both(*acts, f"{target}/{PLACE}", 3, S3Store)


@pytest.mark.full
def test_an_import_into_a_workspace_waits_for_a_release_of_that_name(
    workspace: Workspace, rows: Rows, tmp_path: Path
) -> None:
    compute_labels(workspace, rows.selection, "run-1")
    place = released_folder(workspace)
    second = import_of(tmp_path, FULL, to=str(place))
    with writes_counted(Meanwhile(3, refused(second)), LocalStore):
        build_release(workspace, rows.selection, CONFIG)
    assert verify(place).ok


@pytest.mark.full
def test_a_release_of_a_workspace_does_not_mix_with_an_import_into_it(
    workspace: Workspace, rows: Rows, tmp_path: Path
) -> None:
    compute_labels(workspace, rows.selection, "run-1")
    place = released_folder(workspace)

    def second() -> None:
        build_release(workspace, rows.selection, CONFIG)

    check_both(import_of(tmp_path, FULL, to=str(place)), second, str(place), 2, LocalStore)


def test_the_lock_of_a_killed_import_is_free_and_only_its_own_leftovers_go(tmp_path: Path) -> None:
    place = tmp_path / PLACE
    place.mkdir(parents=True)
    (tmp_path / "small" / "locks").mkdir()
    (tmp_path / "small" / "locks" / "1.0.0.json").write_text("{}")  # its holder was killed
    for folder in (place, tmp_path / "small"):
        (folder / ".tmp-left").write_text("half")
    import_of(tmp_path, FULL, to=str(place))()
    assert verify(place).ok
    assert not (place / ".tmp-left").exists()
    assert (tmp_path / "small" / ".tmp-left").exists(), "It may be another program's."
    assert set(checksums_of(place))
