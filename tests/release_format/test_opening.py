"""A release is opened by its address, and what it says of itself leads nowhere else."""

import json
from pathlib import Path

import pytest

from alignbench.release_format.errors import NotAReleaseError, ReleaseColumnError
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.names import is_name
from alignbench.workspace.workspace import open_store
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences

SENTENCES = made_sentences(60, 12)
HOSTILE = ("../../outside", "/etc", "..", ".", "", "a/b", "a\\b", "a\0b", "-x", "x" * 65, 3, None)


@pytest.fixture(params=["local", "s3"])
def versions(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address below which two versions of a release lie, as they are published."""
    for version in ("1.0.0", "1.1.0"):
        write_release(tmp_path / "made" / version, SENTENCES)
        set_record(tmp_path / "made" / version, version=version)
    (tmp_path / "made" / "latest.json").write_text(json.dumps({"version": "1.1.0"}))
    if request.param == "local":
        return str(tmp_path / "made")
    request.getfixturevalue("s3_environment")
    address = f"s3://alignbench-tests/{tmp_path.name}"
    copy(tmp_path / "made", address)
    return address


def copy(folder: Path, address: str) -> None:
    store = open_store(address)
    for path in folder.rglob("*"):
        if path.is_file():
            store.write(path.relative_to(folder).as_posix(), path.read_bytes())


def set_record(folder: Path, **changes: object) -> None:
    record = json.loads((folder / "release.json").read_text())
    (folder / "release.json").write_text(json.dumps({**record, **changes}))


def test_latest_is_the_version_that_the_pointer_names(versions: str) -> None:
    found = open_release(f"{versions}/latest")
    assert found.name == "made/1.1.0"
    assert found.address == f"{versions}/1.1.0"
    assert open_release(f"{versions}/1.0.0").name == "made/1.0.0"
    assert len(ReleaseReader(found).sentences()) == len(SENTENCES)


@pytest.mark.parametrize("version", HOSTILE)
def test_a_pointer_cannot_lead_anywhere_else(tmp_path: Path, version: object) -> None:
    write_release(tmp_path / "outside", SENTENCES)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "latest.json").write_text(json.dumps({"version": version}))
    with pytest.raises(NotAReleaseError, match="names no version"):
        open_release(str(tmp_path / "made" / "latest"))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}"])
def test_a_pointer_that_cannot_be_read_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "latest.json").write_text(text)
    with pytest.raises(NotAReleaseError, match="names no version"):
        open_release(str(tmp_path / "latest"))


@pytest.mark.parametrize("key", ["name", "version"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_name_is_not_used_as_a_path(tmp_path: Path, key: str, value: object) -> None:
    folder = write_release(tmp_path / "made" / "1.0.0", SENTENCES)
    set_record(folder, **{key: value})
    assert open_release(str(folder)).name == "made/1.0.0"


def test_a_name_from_the_address_is_safe_too(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "..my release's" / "1.0.0 (old)", SENTENCES)
    (folder / "release.json").unlink()
    assert open_release(str(folder)).name == "my-release-s/1.0.0-old-"
    assert all(is_name(step) for step in open_release(str(folder)).name.split("/"))


def test_a_place_without_a_release_is_a_clear_error(tmp_path: Path, s3_environment: None) -> None:
    for address in (str(tmp_path / "nowhere"), "s3://alignbench-tests/nowhere/1.0.0"):
        with pytest.raises(NotAReleaseError, match="There is nothing"):
            open_release(address)
    for address in ("s3://alignbench-tests", "s3://"):
        with pytest.raises(NotAReleaseError, match="bucket"):
            open_release(address)
    with pytest.raises(NotAReleaseError):
        open_release("/")


def test_a_split_that_is_not_there_and_a_column_that_is_not_are_named(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "1.0.0", SENTENCES)
    with pytest.raises(NotAReleaseError, match="'train'"):
        ReleaseReader(open_release(str(folder)), "train")
    shard = next(folder.glob("data/*/*.parquet"))
    shard.write_bytes(b"no table")
    with pytest.raises(ReleaseColumnError, match="Parquet"):
        ReleaseReader(open_release(str(folder))).sentences()
