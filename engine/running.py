"""A run of a stage, from its lock to its report.

The lock is taken, the stage is made, what is pending is worked through lease by lease, and what
comes of it is committed. Resume is an anti-join on the stage's key, so a killed run loses at most
what was in flight or not yet committed, and the same command goes on.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pyarrow.compute as pc

from alignbench.engine.account import StageAccount
from alignbench.engine.commits import Commits
from alignbench.engine.errors import NothingWorksError, TooManyFailuresError
from alignbench.engine.lease import work_lease
from alignbench.engine.pending import Lease, Plan
from alignbench.engine.report import StageReport
from alignbench.engine.stage import Failed, Limits, Outcome, Stage
from alignbench.engine.watching import Watcher
from alignbench.schemas.config import RunConfig
from alignbench.schemas.errors import UsageError
from alignbench.schemas.fence import Fence, fenced
from alignbench.schemas.spending import BudgetReachedError, paid_from
from alignbench.schemas.tables import CREATED_AT, FAILURES
from alignbench.schemas.vocabulary import FailureKind, StageName
from alignbench.workspace.errors import LockLostError
from alignbench.workspace.workspace import Workspace

ALL_FAIL_LIMIT = 20
"""A run stops when the first items of a scope, so many, all failed: something is wrong there."""


@dataclass(frozen=True)
class RunContext:
    """What every run of a stage is given.

    Attributes:
        workspace: Where its tables and its lock are.
        settings: How work is cut up and when a run counts as failed.
        run_id: Stamped on every row.
        watcher: Who sees its commits.
    """

    workspace: Workspace
    settings: RunConfig
    run_id: str
    watcher: Watcher = field(default_factory=Watcher)


def run_stage(
    name: StageName,
    make_stage: Callable[[Fence], Stage],
    context: RunContext,
    limits: Limits = Limits(),  # noqa: B008 - an immutable value
) -> StageReport:
    """Does what is pending of a stage.

    Args:
        name: The stage, whose lock is taken.
        make_stage: Makes the stage, with its lock held; it is given the lock's fence, which the
            stage asks before each effect of its own that cannot be taken back.
        context: Where, and for whom.
        limits: How much of what is pending to do.

    Raises:
        TooManyFailuresError: It went through, and too large a share of the items failed.
        NothingWorksError: It stopped because the first items all failed.
        LockHeldError: Another run of this stage is at work in this workspace.
        LockLostError: Another run has taken this stage over, after this one had been asleep.
        UnknownCostError: There is a budget, and it is not known what calls can cost.
    """
    if limits.limit is not None and limits.limit < 1:
        raise UsageError(f"A limit of {limits.limit} takes nothing.", "Give 1 or more.")
    started = time.monotonic()
    report = StageReport(name)
    account = StageAccount(context.workspace, name, context.run_id, limits.budget)
    with context.workspace.store.lock(name) as fence, fenced(fence), _kept(account, report):
        stage = make_stage(fence)
        plan = Plan(stage, context.workspace, retry=limits.retry)
        total = plan.pending_count()
        if limits.limit is not None:
            total = min(total, limits.limit)
        if total:
            context.watcher.started(name, total)
            try:
                _StageRun(stage, context, plan, fence, report, total).work(limits)
            finally:
                context.watcher.finished()
        report.notes += [*stage.notes, *stage.input_notes()]
        if report.made:
            report.notes += stage.closing_notes()
    report.duplicates = plan.duplicates
    report.seconds = time.monotonic() - started
    too_many = _too_many_failures(report, context, stage.how_to_retry)
    if too_many is not None:
        report.notes.append(f"{too_many.what} {too_many.fix}")
    context.watcher.reported(report)
    if too_many is not None:
        raise too_many
    return report


@contextmanager
def _kept(account: StageAccount, report: StageReport) -> Iterator[None]:
    """Lets the account pay for what the body asks of models, and closes it."""
    try:
        with paid_from(account):
            yield
    except LockLostError:
        raise  # nothing more is written; what it may have spent stands as it was written down
    except BaseException:
        account.close(report)
        raise
    account.close(report)


class _StageRun:
    """The work of a run: leases in, commits out."""

    def __init__(
        self,
        stage: Stage,
        context: RunContext,
        plan: Plan,
        fence: Fence,
        report: StageReport,
        total: int,
    ) -> None:
        self._stage = stage
        self._context = context
        self._plan = plan
        self._report = report
        self._total = total
        self._failed_at_first = 0
        self._something_worked = False
        self._commits = Commits(
            stage, context.workspace, context.run_id, plan.attempts_before, fence
        )

    def work(self, limits: Limits) -> None:
        """Works through the leases, one after the other."""
        rows, mixed = self._context.settings.commit_rows, self._stage.mixes_scopes
        for lease in self._plan.leases(rows, limits.limit, mix_scopes=mixed):
            self._failed_at_first = 0
            self._something_worked = limits.retry  # items that stay bad stand first there
            with suppress(BudgetReachedError):  # the next one may cost less, or nothing
                self._work_through(lease)

    def _work_through(self, lease: Lease) -> None:
        try:
            work_lease(self._stage, lease.items, self._take)
        except LockLostError:
            raise  # what is not committed yet is the other run's to do
        except BaseException:
            if len(self._commits):
                self._report.add(self._commits.write())
            raise
        self._commit()

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
        self._report.add(self._context.watcher.commit(self._commits.write))
        self._context.watcher.committed(self._stage.name, self._report.items, self._total)

    def _check_that_something_works(self, outcome: Outcome) -> None:
        """Stops a run if the first items of its lease have all failed."""
        if self._something_worked:
            return
        if not isinstance(outcome, Failed) or outcome.failure.kind is not FailureKind.FAILED:
            self._something_worked = True
            return
        self._failed_at_first += 1
        if self._failed_at_first == ALL_FAIL_LIMIT:
            self._commit()
            name = self._stage.name
            raise NothingWorksError(
                f"{name}: the first {ALL_FAIL_LIMIT} items all failed "
                f"({_example(self._context, name)}).",
                f"Correct the cause, then run '{self._stage.how_to_retry}'.",
            )


def _too_many_failures(
    report: StageReport, context: RunContext, how_to_retry: str
) -> TooManyFailuresError | None:
    allowed = context.settings.max_failure_share
    if report.failure_share <= allowed:
        return None
    return TooManyFailuresError(
        f"{report.stage}: {report.failed:,} of {report.items:,} items failed, more than "
        f"{allowed:.1%} ({_example(context, report.stage)}).",
        f"See 'alignbench status --failures'; then '{how_to_retry}'.",
        [report],
    )


def _example(context: RunContext, stage: StageName) -> str:
    """Returns the stage's newest failure, in words."""
    columns = ["stage", "kind", "code", "message", CREATED_AT.name]
    failed = (pc.field("stage") == stage.value) & (pc.field("kind") == FailureKind.FAILED.value)
    rows = context.workspace.table(FAILURES).read(columns, failed)
    if not len(rows):
        return "no row was kept"
    [newest] = rows.sort_by([(CREATED_AT.name, "descending")]).slice(0, 1).to_pylist()
    return f"such as {newest['code']}: {newest['message']}"
