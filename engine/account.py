"""A run's account: what its calls to models cost, kept within a budget over all runs.

The books are rows of `stage_runs`. Before calls are sent, a run writes down the most that they can
cost, and a little more, so that this is done seldom; when it ends, what they did cost. So a run
that was killed counts at its most, two runs side by side see each other's, and the budget is never
passed. What was written down beyond the calls under way is what a kill costs of the budget, and
what others must do without meanwhile: it is kept small.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from alignbench.engine.report import StageReport
from alignbench.schemas import ids
from alignbench.schemas.fence import Fence
from alignbench.schemas.rows.runs import StageRun
from alignbench.schemas.spending import Budget, BudgetReachedError, Cost, UnknownCostError
from alignbench.schemas.tables import STAGE_RUNS
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.errors import LockHeldError, LockLostError
from alignbench.workspace.workspace import Workspace

GENERATING: Final = (
    StageName.PROMPTS, StageName.CAPTION, StageName.IMAGINE,
    StageName.REWRITE, StageName.RESPOND, StageName.JUDGE,
)  # fmt: skip
"""The stages whose spending counts against a budget."""

_LOCK: Final = "spending"
_LOCK_SECONDS: Final = 150.0
"""Longer than the life of a lock on S3 whose holder was killed."""

_CALLS_AHEAD: Final = 32
_SHARE_AHEAD: Final = 0.05
"""Of what was spent, where that is more than those calls; and the most of the budget."""
_GUESSED_ANSWER: Final = 4_096
"""Tokens of an answer that nothing bounds, of a run without a budget."""


class _Sum(NamedTuple):
    """Tokens and US dollars."""

    tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "_Sum") -> "_Sum":
        return _Sum(self.tokens + other.tokens, self.usd + other.usd)

    def minus(self, other: "_Sum") -> "_Sum":
        return _Sum(self.tokens - other.tokens, self.usd - other.usd)

    def times(self, factor: float) -> "_Sum":
        return _Sum(int(self.tokens * factor), self.usd * factor)

    def within(self, most: "_Sum") -> bool:
        return self.tokens <= most.tokens and self.usd <= most.usd


_ENDLESS: Final = _Sum(2**62, float("inf"))


class StageAccount:
    """Pays for the calls of one run of a stage, and keeps its row of `stage_runs`."""

    def __init__(
        self,
        workspace: Workspace,
        stage: StageName,
        run_id: str,
        budget: Budget,
        part: str = "",
    ) -> None:
        """Opens the account; nothing is written before something is spent or done.

        Args:
            workspace: Where its row is kept.
            stage: Whose calls are paid.
            run_id: Stamped on the row.
            budget: What all runs may spend together.
            part: Tells this part of the run from others that begin at the same moment.
        """
        self._table = workspace.table(STAGE_RUNS)
        self._store = workspace.store
        self._run_id = run_id
        self._stage = stage
        self._budget = budget
        self._began = time.monotonic()
        self._started_at = datetime.now(UTC)
        self._stage_run_id = ids.derive_id(
            run_id, stage.value, self._started_at.isoformat(), *([part] if part else [])
        )
        self._lock = threading.Lock()
        self._version = 0
        self._reached: BudgetReachedError | None = None
        self._spent, self._reserved, self._ceiling = _Sum(), _Sum(), _Sum()
        self._calls = self._unpriced = self._sent = self._received = 0

    def take(self, most: Cost) -> bool:
        """Reserves the most that a call can cost, if it is within what is written down."""
        wanted = self._bounded(most)
        with self._lock:
            return self._reserve(wanted)

    def _reserve(self, wanted: _Sum) -> bool:
        after = self._reserved.plus(wanted)
        if not self._spent.plus(after).within(self._ceiling):
            return False
        self._reserved = after
        return True

    def enlarge(self, most: Cost) -> bool:
        """Writes down more, if the budget has room for the call, and reserves it.

        Raises:
            UnknownCostError: There is a budget, and the most is not known.
        """
        wanted = self._bounded(most)
        with self._others_kept_waiting() as fence:
            limit = self._limit()
            needed = self._spent.plus(self._reserved).plus(wanted)
            if not needed.within(limit):
                return False
            ahead = self._ahead(wanted)
            ceiling = _Sum(
                min(limit.tokens, needed.tokens + ahead.tokens),
                min(limit.usd, needed.usd + ahead.usd),
            )
            fence()
            self._write(ceiling, ended=False)
        with self._lock:
            self._ceiling = ceiling
            return self._reserve(wanted)

    def settle(self, most: Cost, spent: Cost) -> None:
        """Exchanges a reservation for what the call did cost."""
        with self._lock:
            self._reserved = self._reserved.minus(self._bounded(most))
            received = spent.completion_tokens or 0
            self._spent = self._spent.plus(_Sum(spent.prompt_tokens + received, spent.usd or 0.0))
            self._sent += spent.prompt_tokens
            self._received += received
            self._calls += spent.prompt_tokens + received > 0 or bool(spent.usd)
            self._unpriced += spent.usd is None

    def reached(self) -> BudgetReachedError:
        """Returns what a run ends with that has used up its budget."""
        usd, tokens = self._budget
        said = " and ".join(
            ([f"${usd:,.2f}"] if usd is not None else [])
            + ([f"{tokens:,} tokens"] if tokens is not None else [])
        )
        ended, open_ = self._others()
        spent = ended.plus(self._spent)
        what = (
            f"{self._stage}: stopped before the budget of {said} could be passed; "
            f"${spent.usd:,.4f} and {spent.tokens:,} tokens are spent, over all runs"
        )
        fix = "Give a larger one to go on."
        if open_.tokens:
            what += (
                f", and up to ${open_.usd:,.4f} and {open_.tokens:,} tokens more by runs that have "
                "not ended: they are at work, or were killed"
            )
            fix = (
                "One at work gives back what it does not use when it ends: wait for it. What one "
                "that was killed may have spent stays reserved, for it may be on the bill: give a "
                "budget larger by that to go on. 'alignbench status --runs' lists them."
            )
        self._reached = BudgetReachedError(f"{what}.", fix)
        return self._reached

    def close(self, report: StageReport) -> None:
        """Writes down what the run came to, if it did anything, and puts it into its report."""
        report.calls, report.unpriced_calls = self._calls, self._unpriced
        report.prompt_tokens, report.completion_tokens = self._sent, self._received
        report.usd = self._spent.usd
        if self._reached is not None:
            report.budget_reached = True
            report.notes.append(f"{self._reached.what} {self._reached.fix}")
        if self._version or report.items or self._calls:
            self._write(self._spent, ended=True, report=report)

    def _bounded(self, most: Cost) -> _Sum:
        """Returns a reservation; what is not known of it is guessed where there is no budget."""
        received, usd = most.completion_tokens, most.usd
        if received is None and self._budget.tokens is not None:
            raise _unknown(
                "how many tokens an answer can have is not known beforehand",
                "Set max_tokens in its params, or give a --budget alone.",
            )
        if usd is None and self._budget.usd is not None:
            raise _unknown(
                "what a call to it can cost is not known",
                "Set price_in and price_out in its entry, 0 for a server of your own, and "
                "max_tokens in its params; for images, price_image.",
            )
        answer = _GUESSED_ANSWER if received is None else received
        return _Sum(most.prompt_tokens + answer, usd or 0.0)

    def _limit(self) -> _Sum:
        """Returns what this run may spend, as others' rows stand now."""
        if not self._budget.is_set:
            return _ENDLESS
        usd, tokens = self._budget
        ended, open_ = self._others()
        others = ended.plus(open_)
        return _Sum(
            _ENDLESS.tokens if tokens is None else tokens - others.tokens,
            _ENDLESS.usd if usd is None else usd - others.usd,
        )

    def _others(self) -> tuple[_Sum, _Sum]:
        """Returns what other runs spent that have ended, and what those may spend that have not."""
        counted = pc.field("stage").isin([stage.value for stage in GENERATING])
        columns = ["stage_run_id", "stage", "most_tokens", "most_usd", "ended"]
        rows = self._table.read(columns, counted & (pc.field("stage_run_id") != self._stage_run_id))
        return _sum(rows.filter(pc.field("ended"))), _sum(rows.filter(~pc.field("ended")))

    def _ahead(self, wanted: _Sum) -> _Sum:
        """Returns how much more than needed is written down: so many calls like the one wanted."""
        calls = max(_CALLS_AHEAD, _SHARE_AHEAD * self._spent.tokens / max(wanted.tokens, 1))
        for budget, of_call in (
            (self._budget.usd, wanted.usd),
            (self._budget.tokens, wanted.tokens),
        ):
            if budget is not None and of_call:
                calls = min(calls, _SHARE_AHEAD * budget / of_call)
        return wanted.times(calls)

    @contextmanager
    def _others_kept_waiting(self) -> Iterator[Fence]:
        """Lets no other run enlarge its own meanwhile, and gives the fence of that."""
        waiting = Retrying(
            retry=retry_if_exception_type(LockHeldError),
            wait=wait_random_exponential(0.05, max=2.0),
            stop=stop_after_delay(_LOCK_SECONDS),
            reraise=True,
        )
        with ExitStack() as held:
            yield waiting(lambda: held.enter_context(self._store.lock(_LOCK)))

    def _write(self, most: _Sum, *, ended: bool, report: StageReport | None = None) -> None:
        self._version += 1
        row = StageRun(
            stage_run_id=self._stage_run_id,
            stage=self._stage,
            started_at=self._started_at,
            seconds=time.monotonic() - self._began,
            made=report.made if report else 0,
            failed=report.failed if report else 0,
            empty=report.empty if report else 0,
            calls=self._calls,
            prompt_tokens=self._sent,
            completion_tokens=self._received,
            most_tokens=most.tokens,
            most_usd=most.usd,
            unpriced_calls=self._unpriced,
            ended=ended,
            version=self._version,
        )
        self._table.append([row], self._run_id)


@contextmanager
def kept(account: StageAccount, report: StageReport) -> Iterator[None]:
    """Closes an account when the body has ended, unless another run has taken its lock over."""
    try:
        yield
    except LockLostError:
        raise  # nothing more is written; what it may have spent stands as it was written down
    except BaseException:
        account.close(report)
        raise
    account.close(report)


def _sum(rows: pa.Table) -> _Sum:
    tokens, usd = pc.sum(rows["most_tokens"]).as_py(), pc.sum(rows["most_usd"]).as_py()
    return _Sum(tokens or 0, usd or 0.0)


def _unknown(what: str, fix: str) -> UnknownCostError:
    return UnknownCostError(f"There is a budget, and {what}.", fix)
