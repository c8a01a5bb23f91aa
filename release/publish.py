"""Putting a finished release folder into the workspace's store, whole or not at all.

A release exists once its `SHA256SUMS` exists, which is written last and only if it is not there
yet; files without one are what a killed run left, and go before the next attempt.
"""

from pathlib import Path
from typing import Final

from alignbench.release.errors import ReleaseExistsError
from alignbench.release_format.layout import CARD, CHECKSUMS, MANIFEST
from alignbench.workspace.store import ObjectStore

_LATE: Final = (MANIFEST, CARD)
"""Written after everything else but the checksums, so that no tool takes a half for a dataset."""


def publish(store: ObjectStore, prefix: str, folder: Path) -> list[str]:
    """Copies a release folder to a prefix of a store.

    Args:
        store: The workspace's store; the caller holds its lock for releases.
        prefix: Where the release goes.
        folder: A finished release, `SHA256SUMS` included.

    Returns:
        The paths of its files, in the order they were written.

    Raises:
        ReleaseExistsError: A release is there already.
    """
    if store.exists(f"{prefix}/{CHECKSUMS}"):
        raise already_there(store, prefix)
    remove_unfinished(store, prefix)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    paths = [path.relative_to(folder).as_posix() for path in files]
    early = [path for path in paths if path not in (*_LATE, CHECKSUMS)]
    for path in (*early, *_LATE):
        store.write_file(f"{prefix}/{path}", folder / path)
    if not store.create(f"{prefix}/{CHECKSUMS}", (folder / CHECKSUMS).read_bytes()):
        raise already_there(store, prefix)
    return [*early, *_LATE, CHECKSUMS]


def remove_unfinished(store: ObjectStore, prefix: str) -> None:
    """Deletes what a run that did not finish left at a prefix that has no release."""
    for info in list(store.list(prefix)):
        store.delete(info.key)


def already_there(store: ObjectStore, prefix: str) -> ReleaseExistsError:
    """Returns the error for a release that would have to be overwritten."""
    return ReleaseExistsError(
        f"{prefix} of {store.url} is released already, with other content.",
        "A release is never overwritten: choose another [release] version.",
    )
