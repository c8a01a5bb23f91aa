"""A folder's hash stands for the names and bytes in it, however often and fast it is asked for."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from alignbench.models.in_process import folder_digest
from alignbench.models.in_process.weights import resolve_revision

NAMES = ("config.json", "model-1.safetensors", "model-2.safetensors", "deep/er/vae.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * (1 << 16))
    return tmp_path / "model"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as they are read."""
    names: list[str] = []
    hashed = hashlib.file_digest

    def noted(file: Any, algorithm: str) -> Any:
        names.append(Path(file.name).name)
        return hashed(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", noted)
    return names


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes every file for one that was written long ago."""
    monkeypatch.setattr(folder_digest, "_SETTLED_NS", -(10**18))


def one_after_the_other(folder: Path) -> str:
    """The hash that generators' ids have been made of from the first version on."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        own = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{own}  {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()


def test_the_revision_is_the_one_that_earlier_versions_gave(folder: Path) -> None:
    assert folder_digest.folder_digest(folder) == one_after_the_other(folder)
    assert resolve_revision(str(folder)) == f"sha256:{one_after_the_other(folder)[:32]}"


@pytest.mark.usefixtures("_settled")
def test_files_are_read_once_in_a_process(folder: Path, read: list[str]) -> None:
    first = folder_digest.folder_digest(folder)
    assert sorted(read) == sorted(Path(name).name for name in NAMES)
    read.clear()
    assert folder_digest.folder_digest(folder) == first
    assert read == []


@pytest.mark.usefixtures("_settled")
def test_a_changed_file_is_read_again_even_with_its_old_date_and_size(
    folder: Path, read: list[str]
) -> None:
    path = folder / NAMES[1]
    first, found = folder_digest.folder_digest(folder), path.stat()
    read.clear()
    path.write_bytes(b"x" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert folder_digest.folder_digest(folder) == one_after_the_other(folder) != first
    assert read == [path.name]


def test_a_file_that_was_written_just_now_is_not_taken_on_trust(
    folder: Path, read: list[str]
) -> None:
    folder_digest.folder_digest(folder)
    read.clear()
    folder_digest.folder_digest(folder)
    assert len(read) == len(NAMES)
