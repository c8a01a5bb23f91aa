"""Who sees a run: a progress bar, a Prefect server, or nobody."""

from collections.abc import Callable

from alignbench.engine.report import CommitReport, StageReport
from alignbench.schemas.vocabulary import StageName


class Watcher:
    """Sees nothing; what does see something overrides what it wants to see."""

    def started(self, stage: StageName, total: int) -> None:
        """A stage begins, with this many items pending."""

    def advanced(self, items: int, failed: int) -> None:
        """So many more items were tried, and so many of them failed."""

    def commit(self, write: Callable[[], CommitReport]) -> CommitReport:
        """Calls `write`, once, perhaps as a task that is seen elsewhere; returns what it gives."""
        return write()

    def committed(self, stage: StageName, items: int, total: int) -> None:
        """So many items have been committed since the stage began."""

    def noted(self, text: str) -> None:
        """Something that an operator should know while the work goes on."""

    def finished(self) -> None:
        """The stage's work has ended, well or not."""

    def reported(self, report: StageReport) -> None:
        """A stage tells what it did."""
