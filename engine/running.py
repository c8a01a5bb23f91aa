"""A run of a stage, from its lock to its report.

The lock is taken, the stage is made, what is pending is worked through lease by lease, and what
comes of it is committed. Resume is an anti-join on the stage's key, so a killed run loses at most
what was in flight or not yet committed, and the same command goes on.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from alignbench.engine.account import StageAccount, kept
from alignbench.engine.context import RunContext
from alignbench.engine.errors import TooManyFailuresError
from alignbench.engine.pending import Plan
from alignbench.engine.report import StageReport
from alignbench.engine.sharing import SharedRun
from alignbench.engine.stage import Limits, Stage
from alignbench.engine.worker import Worker, newest_failure
from alignbench.schemas.errors import UsageError
from alignbench.schemas.fence import Fence, fenced
from alignbench.schemas.spending import BudgetReachedError, paid_from
from alignbench.schemas.vocabulary import StageName


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
    with (
        context.workspace.store.lock(name) as fence,
        fenced(fence),
        paid_from(account),
        kept(account, report),
    ):
        stage = make_stage(fence)
        plan = Plan(stage, context.workspace, retry=limits.retry)
        total = plan.pending_count()
        if limits.limit is not None:
            total = min(total, limits.limit)
        shared = SharedRun(stage, context, plan, fence, total)
        if total:
            context.watcher.started(name, total)
            try:
                if context.workforce is not None and stage.is_shareable:
                    shared.work(context.workforce, limits)
                else:
                    _work_here(stage, context, plan, fence, report, total, limits)
            finally:
                context.watcher.finished()
        report.notes += [*stage.notes, *stage.input_notes()]
        if report.made or shared.report.made:
            report.notes += stage.closing_notes()
    report.include(shared.report)  # whose parts have rows of `stage_runs` of their own
    report.duplicates = plan.duplicates
    report.seconds = time.monotonic() - started
    context.watcher.reported(report)
    too_many = _too_many_failures(report, context, stage.how_to_retry)
    if too_many is not None:
        raise too_many
    return report


def _work_here(
    stage: Stage,
    context: RunContext,
    plan: Plan,
    fence: Fence,
    report: StageReport,
    total: int,
    limits: Limits,
) -> None:
    """Works through what is pending in this process, lease by lease."""
    worker = Worker(stage, context, fence, report, total, plan.attempts_before)
    rows, mixed = context.settings.commit_rows, stage.mixes_scopes
    for lease in plan.leases(rows, limits.limit, mix_scopes=mixed):
        with suppress(BudgetReachedError):  # the next one may cost less, or nothing
            # Items that stay bad stand first in a retry.
            worker.work_through(lease, something_worked=limits.retry)


def _too_many_failures(
    report: StageReport, context: RunContext, how_to_retry: str
) -> TooManyFailuresError | None:
    allowed = context.settings.max_failure_share
    if report.failure_share <= allowed:
        return None
    return TooManyFailuresError(
        f"{report.stage}: {report.failed:,} of {report.items:,} items failed, more than "
        f"{allowed:.1%} ({newest_failure(context, report.stage)}).",
        f"See 'alignbench status --failures'; then '{how_to_retry}'.",
        [report],
    )
