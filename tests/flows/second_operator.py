"""A second operator, who does something within the run of the first."""

import threading
from collections.abc import Callable

from alignbench.workspace.errors import LockHeldError


class SecondOperator:
    """Does something once, and notes how that ended.

    Attributes:
        ended: `done`, or `refused` where the first one holds the lock; empty before it was tried.
        error: Whatever else went wrong.
        over: Set once it has come to its end.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.ended = ""
        self.error: Exception | None = None
        self.over = threading.Event()

    def __call__(self) -> None:
        try:
            self._act()
        except LockHeldError:
            self.ended = "refused"
        except Exception as error:  # noqa: BLE001 - it runs inside the other one
            self.error = error
        else:
            self.ended = "done"
        finally:
            self.over.set()

    def check(self) -> None:
        """Raises what went wrong with it, which must not have gone into the first one's run."""
        if self.error is not None:
            raise self.error
        assert self.ended
