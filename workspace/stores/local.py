"""A store in a local folder. A write is temporary file, fsync, rename, fsync of the folder."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa

from alignbench.schemas.fence import Fence, no_fence
from alignbench.schemas.paths import real_path
from alignbench.workspace.errors import LockHeldError, ObjectNotFoundError, UnsafeKeyError
from alignbench.workspace.stores.leftovers import TEMPORARY, claim, remove_leftovers
from alignbench.workspace.stores.store import ObjectInfo, checked_key

_PRIVATE = "private"
"""What lies below this folder of a workspace is the operator's alone to read."""

_ASKED_AGAIN: Final = 10
_PAUSE_SECONDS: Final = 0.01

_NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class LocalStore:
    """An object store in a folder of this machine."""

    def __init__(self, root: Path, *, private: bool = False, follows_links: bool = False) -> None:
        """Takes the folder.

        Args:
            root: The folder; it is made at the first write.
            private: Whether all of it is its owner's alone to read.
            follows_links: Whether links that lead out of the folder are read through, as they stand
                in a hub's cache; then nothing can be written.
        """
        self.root = real_path(root)
        self._follows_links = follows_links
        self._private_root = self.root if private else self.root / _PRIVATE

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self.root)

    def below(self, prefix: str) -> "LocalStore":
        """Returns the store of a folder in this one."""
        folder = self.path(prefix)
        is_private = folder.is_relative_to(self._private_root)
        return LocalStore(folder, private=is_private, follows_links=self._follows_links)

    def path(self, key: str) -> Path:
        """Returns where an object lies.

        Raises:
            UnsafeKeyError: The key, or a link on its way, leads out of the folder.
        """
        path = self.root / checked_key(key)
        if self._follows_links:
            return path
        if not real_path(path).is_relative_to(self.root):
            raise UnsafeKeyError(
                f"{key!r} leads out of {self.root} through a link.", "Remove the link."
            )
        return path

    def read(self, key: str) -> bytes:
        """Returns an object's bytes."""
        try:
            return self.path(key).read_bytes()
        except _NO_FILE:
            raise self._missing(key) from None

    def open(self, key: str) -> pa.NativeFile:
        """Opens an object for random access through a memory map."""
        path = self.path(key)
        if not path.is_file():
            raise self._missing(key)
        try:
            if not path.stat().st_size:
                return pa.BufferReader(b"")  # an empty file cannot be mapped
            return pa.memory_map(str(path))
        except _NO_FILE:
            raise self._missing(key) from None

    def open_ranges(self, key: str) -> pa.NativeFile:
        """Opens an object for random access, as `open` does."""
        return self.open(key)

    def write(self, key: str, data: bytes) -> None:
        """Writes an object whole, replacing what was there."""
        path = self.path(key)
        with self._staged(path) as file:
            file.write(data)
            _commit(file, path)

    def create(self, key: str, data: bytes) -> bool:
        """Writes an object only if the key is free."""
        path = self.path(key)
        if path.exists():
            return False
        with self._staged(path) as file:
            file.write(data)
            _flush(file)
            try:
                os.link(file.name, path)  # fails if the name was taken meanwhile; rename would not
            except FileExistsError:
                return False
            _sync_folder(path.parent)
        return True

    def put_file(self, key: str, source: IO[bytes], sha256: str) -> bool:
        """Writes a file as an object, unless it is there already."""
        target = self.path(key)
        if _sha256_of(target) == sha256:
            return False
        source.seek(0)
        with self._staged(target) as file:
            shutil.copyfileobj(source, file, 4 << 20)
            _commit(file, target)
        return True

    def exists(self, key: str) -> bool:
        """Tells whether the object is there."""
        return self.path(key).is_file()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields the objects under `prefix/`, in order of their keys."""
        for path in _files(self.path(prefix)):
            with contextlib.suppress(FileNotFoundError):  # deleted since its folder was read
                yield ObjectInfo(path.relative_to(self.root).as_posix(), path.stat().st_size)

    def delete(self, key: str) -> None:
        """Deletes an object; one that is not there is no error."""
        self._check_writable()
        with contextlib.suppress(*_NO_FILE):
            self.path(key).unlink()

    @contextlib.contextmanager
    def lock(self, name: str, guarded: str = "") -> Iterator[Fence]:
        """Holds `locks/<name>.json` by flock, which the kernel frees however the process ends."""
        self._check_writable()
        path = self.path(f"locks/{name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            if not _flocked(file):
                file.seek(0)
                owner = file.read().strip()
                raise LockHeldError(
                    f"Another run holds the lock {str(name)!r} of {self.root} ({owner}).",
                    "Wait for it to end, or stop it.",
                )
            file.seek(0)
            if file.read():  # who held it last was killed, and may have left more behind
                remove_leftovers(self.path(guarded) if guarded else self.root)
            file.truncate(0)
            file.write(json.dumps(_owner()))
            file.flush()
            os.fsync(file.fileno())  # other machines read it where the folder is shared
            try:
                yield no_fence  # the kernel lets nobody else in while this process lives
            finally:
                file.truncate(0)

    def is_locked(self, key: str) -> bool:
        """Tells whether anybody holds the lock of that key; one who was killed does not.

        Who asks shares a free lock for a moment, which a new holder waits for.
        """
        try:
            with self.path(key).open("rb") as file:
                return not _flocked_now(file, fcntl.LOCK_SH)
        except _NO_FILE:
            return False

    @contextlib.contextmanager
    def _staged(self, path: Path) -> Iterator[IO[bytes]]:
        """Yields a temporary file beside `path` that is gone afterwards unless it was renamed."""
        self._check_writable()
        _make_folder(path.parent)
        is_private = path.is_relative_to(self._private_root)
        if is_private:
            for folder in (path.parent, *path.parent.parents):
                folder.chmod(0o700)  # it may have been made by something else
                if folder == self._private_root:
                    break
        with _temporary_in(path.parent) as file:
            try:
                # A temporary file is private; an object is as open as the umask allows.
                if not is_private:
                    os.fchmod(file.fileno(), 0o666 & ~_UMASK)
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def _check_writable(self) -> None:
        if self._follows_links:
            raise UnsafeKeyError(f"{self.root} is open for reading only.", "Write elsewhere.")

    def _missing(self, key: str) -> ObjectNotFoundError:
        return ObjectNotFoundError(
            f"{key} is not in {self.root}.", "Check the path, or run the stage that makes it."
        )


def _flocked(file: IO[Any]) -> bool:
    """Locks a file for one holder; False if another has it, who does not merely ask who has."""
    for _ in range(_ASKED_AGAIN):
        if _flocked_now(file, fcntl.LOCK_EX):
            return True
        time.sleep(_PAUSE_SECONDS)
    return _flocked_now(file, fcntl.LOCK_EX)


def _flocked_now(file: IO[Any], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


def _owner() -> dict[str, str | int]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": since}


def _sha256_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except _NO_FILE:
        return None


def _temporary_in(folder: Path) -> IO[bytes]:
    while True:
        file = tempfile.NamedTemporaryFile(dir=folder, prefix=TEMPORARY, delete=False)  # noqa: SIM115 - the caller's
        if claim(file):
            return file
        file.close()


def _commit(file: IO[bytes], path: Path) -> None:
    _flush(file)
    Path(file.name).replace(path)
    _sync_folder(path.parent)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder in the order of their whole paths, as S3 lists keys.

    Links to folders are not followed.
    """
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    names.append(f"{entry.name}/")
                elif entry.is_file() and not entry.name.startswith(TEMPORARY):
                    names.append(entry.name)
    except _NO_FILE:
        return
    for name in sorted(names):
        if name.endswith("/"):
            yield from _files(folder / name)
        else:
            yield folder / name


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _current_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK = _current_umask()
