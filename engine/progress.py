"""Who is told how far a run is: a progress bar, a Prefect artifact, or nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from alignbench.engine.report import StageReport
from alignbench.schemas.vocabulary import StageName


class Progress(Protocol):
    """Something that shows how far a stage is."""

    def started(self, stage: StageName, total: int) -> None:
        """A stage begins, with this many items pending."""
        ...

    def advanced(self, items: int, failed: int) -> None:
        """So many more items were tried, and so many of them failed."""
        ...

    def finished(self) -> None:
        """The stage has ended, well or not."""
        ...

    def reported(self, report: StageReport) -> None:
        """A stage tells what it did."""
        ...


class Silent:
    """Shows nothing."""

    def started(self, stage: StageName, total: int) -> None:
        """Shows nothing."""

    def advanced(self, items: int, failed: int) -> None:
        """Shows nothing."""

    def finished(self) -> None:
        """Shows nothing."""

    def reported(self, report: StageReport) -> None:
        """Shows nothing."""


_SILENT = Silent()
_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


def current_progress() -> Progress:
    """Returns what shows the progress of the run that this code is part of."""
    return _current.get() or _SILENT


@contextmanager
def shown_by(progress: Progress) -> Iterator[None]:
    """Lets `progress` show the runs that start in this context."""
    token = _current.set(progress)
    try:
        yield
    finally:
        _current.reset(token)
