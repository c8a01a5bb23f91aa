"""A release folder as it is read: on local disk, or in a bucket."""

import json
from pathlib import Path
from typing import IO, Final, cast

from alignbench.release.errors import NotAReleaseError
from alignbench.workspace.store import ObjectStore
from alignbench.workspace.workspace import open_store


class ReleaseFolder:
    """The files below an address, by their paths there."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store, self._prefix = store, prefix
        self.sizes = {info.key.removeprefix(f"{prefix}/"): info.size for info in store.list(prefix)}
        if not self.sizes:
            raise NotAReleaseError(
                f"There is nothing at {self.address}.",
                "Name the folder that has the release's SHA256SUMS: a path or s3://bucket/prefix.",
            )

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return f"{self._store.url}/{self._prefix}"

    def open(self, path: str) -> IO[bytes]:
        """Opens a file for random access."""
        return cast("IO[bytes]", self._store.open(f"{self._prefix}/{path}"))

    def bytes(self, path: str) -> bytes:
        """Returns a file's content; it is read whole."""
        return self._store.read(f"{self._prefix}/{path}")

    def text(self, path: str) -> str | None:
        """Returns a text file's content; None if it is not there or not UTF-8."""
        if path not in self.sizes:
            return None
        try:
            return self._store.read(f"{self._prefix}/{path}").decode()
        except UnicodeDecodeError:
            return None


LATEST: Final = "latest.json"
"""Beside the versions of a published release: which is the newest."""


def open_release(address: str) -> ReleaseFolder:
    """Opens the release at a local path or an `s3://bucket/prefix`.

    An address that ends in `latest` is that of the version which `latest.json` beside it names.

    Raises:
        NotAReleaseError: There is no file at that address.
    """
    # A store's keys are never empty, so it is opened one step above the release.
    if not address.startswith("s3://"):
        path = Path(address).resolve()
        store, name = open_store(path.parent), path.name
    else:
        parent, _, name = address.rstrip("/").rpartition("/")
        if parent in ("s3:", "s3:/"):
            raise NotAReleaseError(
                f"{address} names a bucket, not a release in it.",
                "Name the prefix that the release is at: s3://bucket/prefix.",
            )
        store = open_store(parent)
    if name == LATEST.removesuffix(".json") and store.exists(LATEST):
        name = str(json.loads(store.read(LATEST))["version"])
    return ReleaseFolder(store, name)
