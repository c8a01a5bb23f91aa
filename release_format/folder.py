"""A release folder as it is read: on local disk, or in a bucket."""

import json
import re
from functools import cached_property
from typing import IO, Any, Final, cast

import pyarrow as pa

from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.layout import CHECKSUMS, LATEST, MANIFEST, Shard, parse_shard
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.names import is_name
from alignbench.schemas.paths import real_path
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import open_store

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 64


class ReleaseFolder:
    """The files below an address, by their paths there.

    Attributes:
        sizes: Bytes of each file.
    """

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

    @cached_property
    def name(self) -> str:
        """`NAME/VERSION`, which is always safe to use as a relative path.

        It is what `release.json` says, if both are names; a release that somebody else made may say
        anything there. Otherwise it is the end of the address, without what a name cannot have.
        """
        record = self.record
        if is_name(record.get("name")) and is_name(record.get("version")):
            return f"{record['name']}/{record['version']}"
        steps = [_as_name(step) for step in self.address.rsplit("/", 2)[-2:]]
        return "/".join(steps)

    @cached_property
    def record(self) -> dict[str, Any]:
        """What `release.json` says, unchecked; empty if it cannot be read.

        For what may be of another version; `read_manifest` checks everything.
        """
        try:
            found = json.loads(self.text(MANIFEST) or "")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def checksum(self) -> str | None:
        """SHA-256 of `SHA256SUMS`, which stands for every byte of the release; None without it."""
        return sha256_hex(self.bytes(CHECKSUMS)) if CHECKSUMS in self.sizes else None

    @property
    def shards(self) -> dict[str, Shard]:
        """The files that are named as Parquet files of a release are, in order of their paths."""
        return {path: shard for path in sorted(self.sizes) if (shard := parse_shard(path))}

    def open(self, path: str) -> IO[bytes]:
        """Opens a file for random access; it is read whole if it is in a bucket."""
        return cast("IO[bytes]", self._store.open(f"{self._prefix}/{path}"))

    def open_ranges(self, path: str) -> pa.NativeFile:
        """Opens a file for random access, of which only what is read is fetched."""
        return self._store.open_ranges(f"{self._prefix}/{path}")

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


def open_release(address: str) -> ReleaseFolder:
    """Opens the release at a local path or an `s3://bucket/prefix`.

    An address that ends in `latest` is that of the version which `latest.json` beside it names.

    Raises:
        NotAReleaseError: There is no file at that address, or `latest.json` names no version.
    """
    # A store's keys are never empty, so it is opened one step above the release.
    if not address.startswith("s3://"):
        path = real_path(address)
        # A hub's cache keeps a downloaded release as links to files elsewhere.
        store: ObjectStore = LocalStore(path.parent, follows_links=True)
        name = path.name
    else:
        parent, _, name = address.rstrip("/").rpartition("/")
        if parent in ("s3:", "s3:/"):
            raise NotAReleaseError(
                f"{address} names a bucket, not a release in it.",
                "Name the prefix that the release is at: s3://bucket/prefix.",
            )
        store = open_store(parent)
    if not name:
        raise NotAReleaseError(f"{address} is no release.", "Name the folder of a release.")
    if name == LATEST.removesuffix(".json") and store.exists(LATEST):
        name = _latest_version(store)
    return ReleaseFolder(store, name)


def _latest_version(store: ObjectStore) -> str:
    try:
        version = json.loads(store.read(LATEST))["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = None
    if not is_name(version):
        raise NotAReleaseError(
            f"{LATEST} in {store.url} names no version.", "Name the version instead of 'latest'."
        )
    return str(version)


def _as_name(step: str) -> str:
    """Returns what is left of a step of an address when it is made a name."""
    return _UNSAFE.sub("-", step).lstrip("._-")[:_LONGEST] or "release"
