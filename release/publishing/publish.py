"""Putting a finished release into a store, whole or not at all.

A release exists once its `SHA256SUMS` exists, which is written last and only if it is not there
yet. A run that was stopped is continued by the same call: what has arrived is not sent again.
"""

from typing import Final, NamedTuple

from alignbench.release.errors import ReleaseExistsError
from alignbench.release_format.checksums import parse_checksums
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import CARD, CHECKSUMS, MANIFEST
from alignbench.schemas.fence import current_fence
from alignbench.workspace.stores.store import ObjectStore

_LATE: Final = (MANIFEST, CARD)
"""Written after everything else but the checksums, so that no tool takes a half for a dataset."""


class Published(NamedTuple):
    """What `publish` did.

    Attributes:
        sent: Files that were sent.
        there: Files that were there already.
        sent_bytes: Size of the former.
    """

    sent: int
    there: int
    sent_bytes: int


def publish(store: ObjectStore, prefix: str, release: ReleaseFolder) -> Published:
    """Copies a finished release to a prefix of a store.

    Args:
        store: Where it goes.
        prefix: Under which key.
        release: The release, `SHA256SUMS` included.

    Raises:
        NotAReleaseError: It has no `SHA256SUMS`, or lacks a file that is listed there.
        ReleaseExistsError: Another release is there already.
        LockLostError: It is written under a lock, which is another run's now.
    """
    sums = release.text(CHECKSUMS) or ""
    listed = parse_checksums(sums)
    if not listed:
        raise NotAReleaseError(
            f"{release.address} has no SHA256SUMS that lists its files.",
            "Name a release that 'alignbench verify' finds sound.",
        )
    _refuse_another(store, prefix, sums)
    late = [path for path in _LATE if path in listed]
    ordered = [*sorted(listed.keys() - set(late)), *late]
    sent = [path for path in ordered if _put(store, prefix, release, path, listed[path])]
    current_fence()()
    if not store.create(f"{prefix}/{CHECKSUMS}", sums.encode()):
        _refuse_another(store, prefix, sums)
    sent_bytes = sum(release.sizes[path] for path in sent)
    return Published(len(sent), len(listed) - len(sent), sent_bytes)


def remove_leftovers(store: ObjectStore, prefix: str, release: ReleaseFolder) -> None:
    """Deletes what an unfinished run left at a prefix, but for files of this release.

    The caller holds the place, and there is no finished release.
    """
    for info in list(store.list(prefix)):
        if info.key.removeprefix(f"{prefix}/") not in release.sizes:
            current_fence()()
            store.delete(info.key)


def already_there(store: ObjectStore, prefix: str) -> ReleaseExistsError:
    """Returns the error for a release that would have to be overwritten."""
    return ReleaseExistsError(
        f"{prefix} of {store.url} is released already, with other content.",
        "A release is never overwritten: choose another version of it in alignbench.toml.",
    )


def _refuse_another(store: ObjectStore, prefix: str, sums: str) -> None:
    """Raises if there is a finished release with other content."""
    key = f"{prefix}/{CHECKSUMS}"
    if store.exists(key) and store.read(key) != sums.encode():
        raise already_there(store, prefix)


def _put(store: ObjectStore, prefix: str, release: ReleaseFolder, path: str, sha256: str) -> bool:
    if path not in release.sizes:
        raise NotAReleaseError(
            f"{release.address} has no {path}, which its SHA256SUMS lists.",
            "Run 'alignbench verify' on it, and release it anew.",
        )
    with release.open(path) as source:
        current_fence()()
        return store.put_file(f"{prefix}/{path}", source, sha256)
