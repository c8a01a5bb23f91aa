"""A run told to machines: one JSON object a line, on standard error."""

import json
import sys
from datetime import UTC, datetime

from alignbench.engine.report import StageReport
from alignbench.engine.watching import Watcher
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.vocabulary import StageName


class JsonLog(Watcher):
    """Writes a line when a stage begins, commits, has something to say, and ends."""

    def __init__(self) -> None:
        self._failed = 0

    def started(self, stage: StageName, total: int) -> None:
        """Tells that a stage begins."""
        self._failed = 0
        log("started", stage=stage, pending=total)

    def advanced(self, items: int, failed: int) -> None:  # noqa: ARG002 - told at each commit
        """Counts what failed."""
        self._failed += failed

    def committed(self, stage: StageName, items: int, total: int) -> None:
        """Tells how far a stage is."""
        log("committed", stage=stage, items=items, pending=total, failed=self._failed)

    def noted(self, text: str) -> None:
        """Tells what an operator should know."""
        log("note", text=text)

    def reported(self, report: StageReport) -> None:
        """Tells what a stage did."""
        log("reported", stage=report.stage, **report.metrics(), notes=list(report.notes))


def log(event: str, **values: JsonValue) -> None:
    """Writes a line about an event, with the time."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **values}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def log_error(error: AlignBenchError) -> None:
    """Writes a line about the error that ends a command."""
    log("error", code=error.code, what=error.what, fix=error.fix)


def log_stop(fix: str) -> None:
    """Writes a line about a command that was told to end."""
    log("stopped", fix=fix)
