"""A fence: what is asked right before anything is done that cannot be taken back.

A run that was paused for longer than its lock lives is no longer alone. Its fence raises then, and
nothing more is written or sent.
"""

from collections.abc import Callable

Fence = Callable[[], None]
"""Returns while the run may go on; raises once it may not."""


def no_fence() -> None:
    """Lets everything pass: for a run that nothing can lock out."""
