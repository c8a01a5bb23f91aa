"""A worker: goes through leases, and commits what comes of them.

A run in one process has one; where items are shared out, each process has its own.
"""

import pyarrow.compute as pc
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from alignbench.engine.commits import AttemptsBefore, Commits
from alignbench.engine.context import RunContext
from alignbench.engine.errors import NothingWorksError
from alignbench.engine.lease import growing_pauses, work_lease
from alignbench.engine.pending import Lease
from alignbench.engine.report import CommitReport, StageReport
from alignbench.engine.stage import Failed, Outcome, Stage
from alignbench.schemas.errors import TransientError
from alignbench.schemas.fence import Fence
from alignbench.schemas.tables import CREATED_AT, FAILURES
from alignbench.schemas.vocabulary import FailureKind, StageName
from alignbench.workspace.errors import LockLostError

ALL_FAIL_LIMIT = 20
"""A run stops when the first items of a scope, so many, all failed: something is wrong there."""

WRITE_TRIES = 10
"""A commit that a store did not take so often, within some two minutes, ends the run."""


class Worker:
    """Leases in, commits out.

    Attributes:
        report: Counts the commits.
    """

    def __init__(
        self,
        stage: Stage,
        context: RunContext,
        fence: Fence,
        report: StageReport,
        total: int,
        attempts_before: AttemptsBefore,
    ) -> None:
        """Begins with nothing done.

        Args:
            stage: What is to be done.
            context: Where, and for whom.
            fence: Asked before each commit.
            report: Counts the commits.
            total: How many items are pending, to show how far the work is.
            attempts_before: How often items have failed before.
        """
        self.report = report
        self._stage = stage
        self._context = context
        self._total = total
        self._failed_at_first = 0
        self._something_worked = False
        self._may_stop_early = True
        self._committed = self._committed_failures = 0
        self._attempts_before = attempts_before
        self._commits = Commits(stage, context.workspace, context.run_id, attempts_before, fence)

    def work_through(self, lease: Lease, *, something_worked: bool) -> None:
        """Does the items of a lease; what was finished is committed, whatever happens.

        Args:
            lease: The items.
            something_worked: Whether an early stop is out of the question.

        Raises:
            NothingWorksError: The first items all failed.
            StoreUnreachableError: The store stayed away; what it has not taken is done again by
                the next run.
        """
        self._failed_at_first = 0
        self._something_worked = something_worked
        self._may_stop_early = not something_worked
        self._committed = self._committed_failures = 0
        try:
            work_lease(
                self._stage,
                lease.items,
                self._take,
                self._has_failed_before,
                something_worked=something_worked,
            )
        except LockLostError:
            raise  # what is not committed yet is the other run's to do
        except BaseException:
            if len(self._commits):
                self.report.add(self._commits.write())
            raise
        self._commit()

    def _has_failed_before(self, key: str) -> bool:
        return bool(self._attempts_before([key]))

    def _take(self, outcome: Outcome, scope: str) -> None:
        self._commits.add(outcome, scope)
        self._context.watcher.advanced(1, failed=isinstance(outcome, Failed))
        most = self._context.settings
        if len(self._commits) >= most.commit_rows or self._commits.age > most.commit_seconds:
            self._commit()
        self._check_that_something_works(outcome)

    def _commit(self) -> None:
        if not len(self._commits):
            return
        commit = self._context.watcher.commit(self._written)
        self.report.add(commit)
        self._context.watcher.committed(self._stage.name, self.report.items, self._total)
        self._committed += commit.items
        self._committed_failures += commit.failed
        # Asked here, since what no table can hold is known to have failed only now.
        none_worked = self._committed_failures == self._committed >= ALL_FAIL_LIMIT
        if self._may_stop_early and none_worked:
            raise nothing_works(self._context, self._stage, self._committed)

    def _written(self) -> CommitReport:
        """Writes the commit; while the store is away, nothing further is done.

        Its items may have been paid for, so it has more patience than a stream.
        """
        patient = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(WRITE_TRIES),
            wait=growing_pauses(),
            reraise=True,
        )
        return patient(self._commits.write)

    def _check_that_something_works(self, outcome: Outcome) -> None:
        if self._something_worked:
            return
        if not isinstance(outcome, Failed) or outcome.failure.kind is not FailureKind.FAILED:
            self._something_worked = True
            return
        self._failed_at_first += 1
        if self._failed_at_first == ALL_FAIL_LIMIT:
            self._commit()  # which raises


def nothing_works(
    context: RunContext, stage: Stage, items: int = ALL_FAIL_LIMIT
) -> NothingWorksError:
    """Returns what a run ends with whose first items all failed."""
    return NothingWorksError(
        f"{stage.name}: the first {items} items all failed "
        f"({newest_failure(context, stage.name)}).",
        f"Correct the cause, then run '{stage.how_to_retry}'.",
    )


def newest_failure(context: RunContext, stage: StageName) -> str:
    """Returns the stage's newest failure, in words."""
    columns = ["stage", "kind", "code", "message", CREATED_AT.name]
    failed = (pc.field("stage") == stage.value) & (pc.field("kind") == FailureKind.FAILED.value)
    rows = context.workspace.table(FAILURES).read(columns, failed)
    if not len(rows):
        return "no row was kept"
    [newest] = rows.sort_by([(CREATED_AT.name, "descending")]).slice(0, 1).to_pylist()
    return f"such as {newest['code']}: {newest['message']}"
