"""The question that is asked before an effect that cannot be taken back: may this run still act?

A run whose lock went to another one, perhaps while the machine slept, must send no paid request and
write nothing more. Who holds the lock sets the fence; what is about to act passes it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Fence = Callable[[], None]
"""Returns if the run may go on, and raises if it may not.

It is asked before every request, perhaps from another thread and inside an event loop, so it is
quick, but for one request to the store where a lock may have run out, and safe to call from several
threads at once.
"""


def no_fence() -> None:
    """Lets everything pass: for what needs no lock."""


_in_force: ContextVar[Fence] = ContextVar("alignbench_fence", default=no_fence)


@contextmanager
def fenced(fence: Fence) -> Iterator[None]:
    """Puts a fence around what the body does, in this thread or task."""
    token = _in_force.set(fence)
    try:
        yield
    finally:
        _in_force.reset(token)


def current_fence() -> Fence:
    """Returns the fence in force here; one that lets everything pass where none was set.

    New threads do not inherit it: ask in the thread that was fenced, and pass on what you got.
    """
    return _in_force.get()
