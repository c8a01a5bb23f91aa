"""Commits: outcomes gathered and written, whole, as one part for each table."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from alignbench.engine.errors import UNSTORABLE
from alignbench.engine.report import CommitReport
from alignbench.engine.stage import Failed, Made, Outcome, Stage
from alignbench.schemas.columns import DataclassRow, to_batch
from alignbench.schemas.fence import Fence
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.runs import Failure
from alignbench.schemas.tables import FAILURES, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import FailureKind
from alignbench.workspace.tables.parts import encode_part
from alignbench.workspace.workspace import Workspace

_MESSAGE_LENGTH = 500

_NO_ROW: Final = (TypeError, ValueError, OverflowError, AttributeError, pa.ArrowNotImplementedError)
"""What a value raises that its column cannot hold; Arrow's own are among them."""

AttemptsBefore = Callable[[Sequence[str]], Mapping[str, int]]
"""Returns how often each of these items has failed before; only those that did."""


class Commits:
    """Gathers a stage's outcomes and writes them.

    The tables are written in the stage's order, so that a row never names one that is not there
    yet, failures last. A kill in between is repaired by the next run, which does these items again:
    rows that were already written are the same rows.
    """

    def __init__(
        self,
        stage: Stage,
        workspace: Workspace,
        run_id: str,
        attempts_before: AttemptsBefore,
        fence: Fence,
    ) -> None:
        """Begins with nothing gathered.

        Args:
            stage: Whose outcomes they are.
            workspace: Where they are written.
            run_id: Stamped on the rows.
            attempts_before: How often items have failed before.
            fence: Asked before each commit is written.
        """
        self._stage = stage
        self._workspace = workspace
        self._run_id = run_id
        self._attempts_before = attempts_before
        self._fence = fence
        self._made: list[tuple[Made, str]] = []
        self._failed: list[tuple[Failed, str]] = []
        self._since = 0.0

    def __len__(self) -> int:
        """Returns how many outcomes wait to be written."""
        return len(self._made) + len(self._failed)

    @property
    def age(self) -> float:
        """Returns for how many seconds the oldest of them has waited."""
        return time.monotonic() - self._since if len(self) else 0.0

    def add(self, outcome: Outcome, scope: str) -> None:
        """Gathers an outcome of an item of that scope."""
        if not len(self):
            self._since = time.monotonic()
        if isinstance(outcome, Made):
            self._made.append((outcome, scope))
        else:
            self._failed.append((outcome, scope))

    def write(self) -> CommitReport:
        """Writes what was gathered, and begins anew.

        What no table can hold is a failure of its own item, and takes nothing else with it.

        Raises:
            LockLostError: Another run has taken the stage over; nothing was written.
        """
        self._fence()
        try:
            rows = self._append_rows()
        except _NO_ROW:
            if not self._refuse_unstorable():
                raise
            rows = self._append_rows()
        failures = self._failure_rows()
        self._workspace.table(FAILURES).append(failures, self._run_id)
        empty = sum(row.kind is FailureKind.EMPTY for row in failures)
        report = CommitReport(len(self._made), len(failures) - empty, empty, rows)
        self._made.clear()
        self._failed.clear()
        return report

    def _append_rows(self) -> dict[str, int]:
        """Writes the rows of what was made; returns how many each table was given."""
        return {
            spec.name: len(rows)
            for spec in self._stage.writes
            if (rows := _rows_of(spec, [made for made, _ in self._made]))
            and self._workspace.table(spec).append(rows, self._run_id)
        }

    def _refuse_unstorable(self) -> bool:
        """Makes failures of outcomes that cannot be written; tells whether there was one."""
        storable = []
        for made, scope in self._made:
            error = self._why_unstorable(made)
            if error is None:
                storable.append((made, scope))
                continue
            why = f"What came of it cannot be stored: {type(error).__name__}: {error}"
            self._failed.append((Failed(made.key, ItemFailure(UNSTORABLE, why)), scope))
        any_refused = len(storable) < len(self._made)
        self._made = storable
        return any_refused

    def _why_unstorable(self, made: Made) -> Exception | None:
        try:
            for spec in self._stage.writes:
                rows = pa.Table.from_batches([to_batch(spec.row, _rows_of(spec, [made]))])
                encode_part(spec.name, rows)
        except _NO_ROW as error:
            return error
        return None

    def _failure_rows(self) -> list[Failure]:
        before = self._attempts_before([failed.key for failed, _ in self._failed])
        return [
            Failure(
                stage=self._stage.name,
                key=failed.key,
                scope=scope,
                kind=failed.failure.kind,
                code=failed.failure.code,
                message=clean_text(failed.failure.message).text[:_MESSAGE_LENGTH],
                attempts=before.get(failed.key, 0) + 1,
            )
            for failed, scope in self._failed
        ]


def _rows_of(spec: TableSpec[Any], outcomes: Sequence[Made]) -> list[DataclassRow]:
    return [row for made in outcomes for row in made.rows if type(row) is spec.row]
