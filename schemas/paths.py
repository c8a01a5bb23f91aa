"""Paths of this machine."""

import os
from pathlib import Path


def real_path(path: str | Path) -> Path:
    """Returns a path without its links, whether or not anything is there.

    A circle of links stays as it is, to be reported by whatever opens it: `Path.resolve` raises a
    `RuntimeError` for one before Python 3.13, which no reader of files expects.
    """
    return Path(os.path.realpath(path))
