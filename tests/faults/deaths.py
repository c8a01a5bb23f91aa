"""A process that dies at its n-th write, in this process: nothing tidies up, nothing is written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from alignbench.workspace.local import LocalStore

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


@contextmanager
def writes_counted(writes: Writes) -> Iterator[Writes]:
    """Leads all writes to folders past a counter while the context is open."""
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(LocalStore, name, _counted(getattr(LocalStore, name), writes))
        yield writes


def _counted(method: Callable[..., Any], writes: Writes) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return writes.perform(lambda: method(*arguments))

    return call
