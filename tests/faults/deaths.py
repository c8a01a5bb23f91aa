"""What happens at the n-th write of a run: it dies, the disk is full, or another run begins."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store

WRITES = ("write", "create", "put_file", "delete")


class Killed(BaseException):
    """Ends a run as a kill does: no handler of errors catches it."""


class Writes:
    """Counts the writes to folders, and lets none through from one of them on.

    Attributes:
        count: How many there were.
    """

    def __init__(self, last: int | None = None, *, done: bool = False) -> None:
        """Notes when the process dies.

        Args:
            last: At which write, from 0; None never.
            done: Whether that one is still done.
        """
        self.count = 0
        self._last = last
        self._done = done
        self._dead = False

    def taken(self) -> int:
        """Returns how many there were, and begins to count anew."""
        count, self.count = self.count, 0
        return count

    def perform(self, write: Callable[[], Any]) -> Any:
        """Does a write, or dies."""
        if self._dead:
            raise Killed
        self._dead = self.count == self._last
        self.count += 1
        if self._dead and not self._done:
            raise Killed
        result = write()
        if self._dead:
            raise Killed
        return result


class DiskFills(Writes):
    """Counts the writes to folders, and finds no room for any from one of them on."""

    def __init__(self, number: int) -> None:
        """Notes from which write on, from 0."""
        super().__init__()
        self._number = number

    def perform(self, write: Callable[[], Any]) -> Any:
        """Does a write, or fails as a full disk does."""
        if self.count >= self._number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().perform(write)


class Meanwhile(Writes):
    """Counts the writes to folders, and does something else just before one of them."""

    def __init__(self, number: int, action: Callable[[], None]) -> None:
        """Notes before which write, from 0, and what is done."""
        super().__init__()
        self._number = number
        self._action = action
        self._is_acting = False

    def perform(self, write: Callable[[], Any]) -> Any:
        """Does a write, and before one of them the other thing, whose own writes do not count."""
        if self._is_acting:
            return write()
        if self.count == self._number:
            self._is_acting = True
            self._action()
            self._is_acting = False
        return super().perform(write)


@contextmanager
def writes_counted(
    writes: Writes, kind: type[LocalStore | S3Store] = LocalStore
) -> Iterator[Writes]:
    """Leads all writes to folders, or to S3, past a counter while the context is open."""
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(kind, name, _counted(getattr(kind, name), writes))
        yield writes


def _counted(method: Callable[..., Any], writes: Writes) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return writes.perform(lambda: method(*arguments))

    return call
