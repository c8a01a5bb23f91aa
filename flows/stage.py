"""The engine that every stage runs on.

    inputs ──minus done, minus failures──▶ pending ──cut──▶ commits ──work──▶ parts

A stage says what its inputs are, which are done, and how a batch is worked on. The engine does the
rest, the same way for all: resume is an anti-join on the stage's key, so a killed run loses at most
the commit in flight and the same command goes on; an item that cannot be done becomes a row of
table `failures`; a commit is one Parquet part for each table and, where a Prefect server is
configured, one Prefect task. Commits are independent and idempotent: any worker may do any of them,
twice if need be.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, Protocol

import pyarrow as pa

from alignbench.flows.commit import Outcome, commit
from alignbench.flows.errors import NothingWorksError, TooManyFailuresError
from alignbench.flows.orchestration import as_task, publish_progress, publish_report
from alignbench.flows.pace import Paces
from alignbench.flows.pending import Plan
from alignbench.flows.progress import current_progress
from alignbench.flows.report import StageReport
from alignbench.flows.run import Run
from alignbench.schemas.errors import UsageError
from alignbench.schemas.tables import TableSpec
from alignbench.schemas.vocabulary import StageName

ALL_FAIL_LIMIT = 20
"""A run stops when the first items of a scope, so many, all failed: something is wrong there."""


class Stage(Protocol):
    """What the engine needs to know of a stage.

    Attributes:
        name: The stage.
        writes: Tables that it writes, in the order in which a commit must write them.
        mixes_scopes: Whether `work` takes items of several scopes at once. If not, a commit holds
            items of one scope, and each scope has its own pace and its own early stop.
    """

    name: ClassVar[StageName]
    writes: ClassVar[Sequence[TableSpec[Any]]]
    mixes_scopes: ClassVar[bool]

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields every selected input, streaming.

        The tables have the columns `key` (the item's done-key), `scope` (its source or generator)
        and, unless only keys are asked for, whatever `work` needs.
        """
        ...

    def done(self) -> pa.Table:
        """Returns `key` and `scope` of everything this stage ever did, selected now or not."""
        ...

    def work(self, items: pa.Table) -> Iterator[Outcome]:
        """Does the items in batches as its model likes; one outcome for each, in any order."""
        ...


class Limits(NamedTuple):
    """What a caller may ask of a run: at most so many items; only failed and empty ones again."""

    limit: int | None = None
    retry: bool = False


def _nothing() -> Sequence[str]:
    return ()


def run_stage(
    stage: Stage,
    run: Run,
    limits: Limits = Limits(),  # noqa: B008 - an immutable value
    first: Callable[[], Sequence[str]] = _nothing,
    last: Callable[[], Sequence[str]] = _nothing,
) -> StageReport:
    """Does what is pending of a stage.

    Args:
        stage: The stage.
        run: Workspace, configuration and id of this run.
        limits: How much of what is pending to do.
        first: Called with the stage's lock held, before it is worked out what is pending; returns
            notes for the report.
        last: Called when something was made; returns further notes.

    Raises:
        TooManyFailuresError: It went through, and too large a share of the items failed.
        NothingWorksError: It stopped because the first items all failed.
        LockHeldError: Another run of this stage is at work in this workspace.
    """
    if limits.limit is not None and limits.limit < 1:
        raise UsageError(f"A limit of {limits.limit} takes nothing.", "Give 1 or more.")
    started = time.monotonic()
    report = StageReport(stage.name)
    with run.workspace.store.lock(stage.name):
        report.notes += first()
        plan = Plan(stage, run.workspace, retry=limits.retry)
        total = plan.pending_count()
        if limits.limit is not None:
            total = min(total, limits.limit)
        if total:
            with _shown(stage.name, total):
                _do_pending(stage, run, plan, limits, report, total)
    if report.made:
        report.notes += last()
    report.duplicates = plan.duplicates
    report.seconds = time.monotonic() - started
    too_many = _too_many_failures(report, run)
    if too_many is not None:
        report.notes.append(f"{too_many.what} {too_many.fix}")
    if report.items:
        publish_report(report)
    current_progress().reported(report)
    if too_many is not None:
        raise too_many
    return report


@contextmanager
def _shown(stage: StageName, total: int) -> Iterator[None]:
    progress = current_progress()
    progress.started(stage, total)
    try:
        yield
    finally:
        progress.finished()


def _do_pending(
    stage: Stage, run: Run, plan: Plan, limits: Limits, report: StageReport, total: int
) -> None:
    settings = run.config.run
    paces = Paces(settings.commit_rows, settings.commit_seconds)
    do_commit = as_task(commit)
    tried: dict[str, StageReport] = {}
    for items in plan.pending(paces, limits.limit):
        scope = "" if stage.mixes_scopes else str(items["scope"][0].as_py())
        done = do_commit(stage, run.workspace, run.run_id, items, plan.attempts_of(items))
        if done.made or done.empty:  # where all fails, the early stop should come soon
            paces.of(scope).learn(done.items, done.seconds)
        report.add(done)
        publish_progress(stage.name, report.items, total)
        of_scope = tried.setdefault(scope, StageReport(stage.name))
        of_scope.add(done)
        if not limits.retry:
            _check_that_something_works(of_scope, run)


def _check_that_something_works(report: StageReport, run: Run) -> None:
    if report.failed >= ALL_FAIL_LIMIT and not report.made and not report.empty:
        raise NothingWorksError(
            f"{report.stage}: the first {report.failed} items all failed "
            f"({_example(run, report.stage)}).",
            f"Mend the cause, then run 'alignbench retry {report.stage}'.",
        )


def _too_many_failures(report: StageReport, run: Run) -> TooManyFailuresError | None:
    allowed = run.config.run.max_failure_share
    if report.failure_share <= allowed:
        return None
    return TooManyFailuresError(
        f"{report.stage}: {report.failed:,} of {report.items:,} items failed, more than "
        f"{allowed:.1%} ({_example(run, report.stage)}).",
        f"See 'alignbench status --failures'; then 'alignbench retry {report.stage}'.",
        [report],
    )


def _example(run: Run, stage: StageName) -> str:
    newest = run.newest_failure(stage)
    return f"such as {newest['code']}: {newest['message']}" if newest else "no row was kept"
