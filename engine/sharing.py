"""A run whose items are shared out among processes: shares out, counts in.

The run holds the stage's lock and plans; a process that is given a share commits it. Few shares are
out at once, so memory stays flat however much is pending. The share of a process that died is given
to another, less what it had committed.
"""

import math
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.engine.context import RunContext
from alignbench.engine.errors import NothingWorksError, WorkerLostError
from alignbench.engine.pending import Lease, Plan
from alignbench.engine.report import CommitReport, StageReport
from alignbench.engine.stage import Limits, Stage
from alignbench.engine.worker import ALL_FAIL_LIMIT, nothing_works
from alignbench.engine.workforce import Crew, Share, SharedStage, ShareResult, Workforce
from alignbench.schemas.fence import Fence
from alignbench.schemas.spending import BudgetReachedError
from alignbench.schemas.tables import FAILURES
from alignbench.workspace.stores.lock_holder import fence_of_holder
from alignbench.workspace.tables.keys import KeySet

SHARES_EACH = 4
"""So many shares a process gets of what is pending, at least: the last ones end close together."""

MOST_DEATHS = 3
"""A share that so many processes died of ends the run: it may be what kills them."""


class SharedRun:
    """Shares out the pending items of a stage.

    Attributes:
        report: Counts what the processes committed, and what that cost.
    """

    def __init__(
        self, stage: Stage, context: RunContext, plan: Plan, fence: Fence, total: int
    ) -> None:
        self.report = StageReport(stage.name)
        self._stage = stage
        self._context = context
        self._plan = plan
        self._fence = fence
        self._total = total

    def work(self, workforce: Workforce, limits: Limits) -> None:
        """Has all pending items worked on, scope by scope.

        Args:
            workforce: Starts the processes. Those of one scope serve the next one, if that needs
                as many GPUs.
            limits: How much of what is pending to do.

        Raises:
            NothingWorksError: The first items of a scope all failed.
            WorkerLostError: Processes died of the same share again and again.
        """
        shared = SharedStage(
            self._stage,
            self._context.workspace,
            self._context.settings,
            self._context.run_id,
            fence_of_holder(self._context.workspace.store, self._stage.name),
            limits.budget,
        )
        rows, mixed = self._context.settings.commit_rows, self._stage.mixes_scopes
        crews = ExitStack()
        crew: Crew | None = None
        of_crew: float | None = None
        with crews:
            for lease in self._plan.leases(rows, limits.limit, mix_scopes=mixed):
                gpus = self._stage.gpus(lease.scope)
                if crew is None or gpus != of_crew:
                    crews.close()
                    tell = self._context.watcher.noted
                    crew = crews.enter_context(workforce.crew(shared, gpus, tell))
                    of_crew = gpus
                self._work_through(lease, crew, limits)

    def _work_through(self, lease: Lease, crew: Crew, limits: Limits) -> None:
        try:
            _LeaseShares(self, lease, crew, something_worked=limits.retry).work()
        except BaseException:
            for result in crew.stop():
                self.count(result.report)
            raise

    def shares(self, lease: Lease, size: int) -> Iterator[pa.Table]:
        """Cuts a lease into shares for so many processes, none larger than a commit."""
        rows = max(1, math.ceil(self._total / (SHARES_EACH * size)))
        for table in lease.items:
            for start in range(0, len(table), rows):
                yield table.slice(start, rows).combine_chunks()

    def share(self, number: int, scope: str, items: pa.Table, *, something_worked: bool) -> Share:
        """Returns a share, if the stage's lock is still this run's.

        Raises:
            LockLostError: It is another run's.
        """
        self._fence()
        attempts = self._plan.attempts_before(items["key"].to_pylist())
        return Share(number, scope, items, attempts, something_worked)

    def count(self, report: StageReport) -> None:
        """Counts what was committed of a share, and shows it."""
        if report.items or report.rows:
            watcher = self._context.watcher
            commit = CommitReport(report.made, report.failed, report.empty, report.rows)
            watcher.advanced(report.items, report.failed)
            watcher.commit(lambda: commit)
        self.report.include(report)
        if report.items:
            self._context.watcher.committed(self._stage.name, self.report.items, self._total)

    def left_of(self, share: Share) -> tuple[pa.Table, StageReport]:
        """Returns what a process that died had not committed of its share, and what it had."""
        keys = share.items["key"]
        done = KeySet(self._stage.done()["key"]).contains(keys)
        tried = self._tried_again(share)
        failed = pc.and_(tried.contains(keys), pc.invert(done))
        report = StageReport(self._stage.name, made=pc.sum(done).as_py() or 0)
        report.failed = pc.sum(failed).as_py() or 0
        return share.items.filter(pc.invert(pc.or_(done, failed))), report

    def _tried_again(self, share: Share) -> KeySet:
        """Returns the keys with a failure that the share did not know of."""
        of_stage = pc.field("stage") == self._stage.name.value
        columns = ["stage", "key", "attempts"]
        rows = self._context.workspace.table(FAILURES).read(columns, of_stage)
        found = [
            key
            for key, attempts in zip(
                rows["key"].to_pylist(), rows["attempts"].to_pylist(), strict=True
            )
            if attempts > share.attempts.get(key, 0)
        ]
        return KeySet(pa.chunked_array([pa.array(found, pa.string())]))

    def nothing_works(self) -> NothingWorksError:
        """Returns what the run ends with if the first items all failed."""
        return nothing_works(self._context, self._stage)


class _LeaseShares:
    """The shares of one lease, from the first that is given to the last that has ended."""

    def __init__(self, run: SharedRun, lease: Lease, crew: Crew, *, something_worked: bool) -> None:
        self._run = run
        self._scope = lease.scope
        self._crew = crew
        self._fresh = run.shares(lease, crew.size)
        self._again: deque[pa.Table] = deque()
        self._open: dict[int, Share] = {}
        self._given = 0
        self._deaths: Counter[str] = Counter()
        self._failed_at_first = 0
        self._something_worked = something_worked
        self._budget_reached = False

    def work(self) -> None:
        """Gives shares while there is room, and counts what comes back, until all have ended."""
        while True:
            while self._crew.has_room() and (items := self._next_items()) is not None:
                self._give(items)
            if not self._open:
                return
            self._settle(self._crew.next_result())

    def _next_items(self) -> pa.Table | None:
        if self._budget_reached:
            return None
        return self._again.popleft() if self._again else next(self._fresh, None)

    def _give(self, items: pa.Table) -> None:
        self._given += 1
        share = self._run.share(
            self._given, self._scope, items, something_worked=self._something_worked
        )
        self._open[share.number] = share
        self._crew.give(share)

    def _settle(self, result: ShareResult) -> None:
        share = self._open.pop(result.number)
        report, error = result.report, result.error
        if isinstance(error, WorkerLostError):
            report = self._do_again(share, error)
        self._run.count(report)
        self._something_worked |= report.made + report.empty > 0
        if isinstance(error, NothingWorksError) and self._something_worked:
            self._do_again(share, None)
        elif isinstance(error, BudgetReachedError):
            self._budget_reached = True
        elif error is not None and not isinstance(error, WorkerLostError):
            raise error
        self._check_that_something_works(report)

    def _do_again(self, share: Share, error: WorkerLostError | None) -> StageReport:
        """Puts back what was not committed of a share; returns what was."""
        mark = share.items["key"][-1].as_py()  # the same, however much is left of the share
        self._deaths[mark] += error is not None
        if error is not None and self._deaths[mark] >= MOST_DEATHS:
            raise error
        left, report = self._run.left_of(share)
        if len(left):
            self._again.append(left)
        return report

    def _check_that_something_works(self, report: StageReport) -> None:
        """Stops the run if the first items of the lease failed, in however many shares."""
        self._failed_at_first += report.failed
        if not self._something_worked and self._failed_at_first >= ALL_FAIL_LIMIT:
            raise self._run.nothing_works()
