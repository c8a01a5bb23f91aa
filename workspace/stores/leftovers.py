"""Temporary files that a killed process left in a folder.

A writer holds a lock on its temporary file for as long as it is one, which the kernel frees however
the process ends. So one that can be locked belongs to nobody, and no clock is asked.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

TEMPORARY: Final = ".tmp-"
"""What the name of a temporary file begins with."""

_OTHERS: Final = frozenset({"services"})
"""Folders at the top of a workspace in which other programs keep their files."""


def claim(file: IO[bytes]) -> bool:
    """Locks a temporary file for its writer; False if it was taken for a leftover meanwhile."""
    fcntl.flock(file, fcntl.LOCK_EX)
    return os.fstat(file.fileno()).st_nlink > 0


def remove_leftovers(root: Path) -> int:
    """Deletes the temporary files below a folder that nobody writes; returns how many."""
    return sum(_removed(path) for path in _temporaries(root, _OTHERS))


def _removed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:  # somebody writes it, or has just renamed it
        return False
    return True


def _temporaries(folder: Path, without: frozenset[str] = frozenset()) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in without:
                    yield from _temporaries(Path(entry.path))
            elif entry.name.startswith(TEMPORARY) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
