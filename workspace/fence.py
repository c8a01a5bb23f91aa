"""Fences: before an effect that cannot be taken back, a run asks whether its lock is its own."""

from collections.abc import Callable

Fence = Callable[[], None]
"""Does nothing while a lock is held; raises `LockLostError` once it may be another run's."""


def no_fence() -> None:
    """Lets everything pass: for what needs no lock."""
