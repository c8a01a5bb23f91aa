"""A hash of a folder's files, which may be many gigabytes: several at once, and each once only.

What a file hashed to is remembered in this process for as long as the file is the same by size,
times and inode. A file that was changed a moment ago is not remembered: within one tick of the
file system's clock it could change again and look the same.
"""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

_MOST_AT_ONCE: Final = 8
_SETTLED_NS: Final = 2_000_000_000
"""Age from which a file's times tell it from a later version; some file systems count in 2 s."""


class _Version(NamedTuple):
    """What a file looks like from outside, as long as nobody changes it."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "_Version":
        found = path.stat()
        return cls(
            str(path.resolve()),
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            found.st_dev,
            found.st_ino,
        )


_remembered: dict[_Version, str] = {}


def folder_digest(folder: Path) -> str:
    """Returns SHA-256, in hexadecimal, over the names and contents of all files below a folder."""
    paths = files_below(folder)
    # hashlib lets go of the interpreter while it works, so threads use several cores.
    with ThreadPoolExecutor(min(_MOST_AT_ONCE, os.cpu_count() or 1)) as threads:
        digests = list(threads.map(_file_digest, paths))
    whole = hashlib.sha256()
    for path, digest in zip(paths, digests, strict=True):
        whole.update(f"{digest}  {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()


def files_below(folder: Path) -> list[Path]:
    """Returns all files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _file_digest(path: Path) -> str:
    before = _Version.of(path)
    if before in _remembered:
        return _remembered[before]
    begun_ns = time.time_ns()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    is_settled = begun_ns - max(before.modified_ns, before.changed_ns) > _SETTLED_NS
    if is_settled and _Version.of(path) == before:
        _remembered[before] = digest
    return digest
