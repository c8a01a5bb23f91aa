"""The small interface that the local store and the S3 store share.

Keys are `/`-separated, relative, without `.` or `..`. A write is whole or not there at all: no
reader ever sees half an object.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, NamedTuple, Protocol

import pyarrow as pa

from alignbench.schemas.fence import Fence
from alignbench.workspace.errors import UnsafeKeyError

_STEP = r"[^/\x00-\x1f\x7f\\\ud800-\udfff]+"
_SAFE_KEY = re.compile(f"{_STEP}(?:/{_STEP})*")


class ObjectInfo(NamedTuple):
    """One object of a listing; `size` in bytes."""

    key: str
    size: int


class ObjectStore(Protocol):
    """What a workspace needs from the place it is kept in."""

    @property
    def url(self) -> str:
        """Where the store is, for messages: a path or `s3://bucket/prefix`."""
        ...

    def below(self, prefix: str) -> "ObjectStore":
        """Returns the store of what lies under a prefix of this one."""
        ...

    def read(self, key: str) -> bytes:
        """Returns an object's bytes.

        Raises:
            ObjectNotFoundError: There is no such object.
        """
        ...

    def open(self, key: str) -> pa.NativeFile:
        """Opens an object for random access; it stays readable when the object is deleted.

        Raises:
            ObjectNotFoundError: There is no such object.
        """
        ...

    def open_ranges(self, key: str) -> pa.NativeFile:
        """Opens an object for random access, of which only the ranges that are read are fetched.

        For large objects that are never deleted; of a part, `open` is read to its end.

        Raises:
            ObjectNotFoundError: There is no such object.
        """
        ...

    def write(self, key: str, data: bytes) -> None:
        """Writes an object whole, replacing what was there."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Writes an object only if the key is free; returns False, and writes nothing, if not."""
        ...

    def put_file(self, key: str, source: IO[bytes], sha256: str) -> bool:
        """Writes a file as an object, without holding it in memory, unless it is there already.

        A run that was stopped is repeated as it was: what has arrived is not sent again.

        Args:
            key: The object.
            source: The file, open for reading at any place.
            sha256: Its SHA-256, as 64 hexadecimal digits.

        Returns:
            False if the object was there already, as an earlier call has put it.
        """
        ...

    def exists(self, key: str) -> bool:
        """Tells whether the object is there."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields the objects under `prefix/`, in order of their keys."""
        ...

    def delete(self, key: str) -> None:
        """Deletes an object; one that is not there is no error."""
        ...

    def lock(self, name: str, guarded: str = "") -> AbstractContextManager[Fence]:
        """Holds the named lock while the context is open, and gives its fence.

        Args:
            name: Of the lock.
            guarded: What it guards, as a prefix of keys; everything if empty. Where temporary files
                may be left behind, those of a holder that was killed are removed there.

        Raises:
            LockHeldError: Someone else holds it.
        """
        ...


def checked_key(key: str) -> str:
    """Returns the key if it stays inside a store.

    Raises:
        UnsafeKeyError: The key is empty, absolute, or has a `.` or `..` step.
    """
    steps = key.split("/")
    if not _SAFE_KEY.fullmatch(key) or "." in steps or ".." in steps:
        raise UnsafeKeyError(
            f"{key!r} is not a key inside the workspace.",
            "Use a relative path without '.' or '..' steps.",
        )
    return key
