"""Working through a lease: one stream of items, and what happens when something breaks it.

An outcome that came is kept, whatever comes after it. A *passing* fault is waited out, and a new
stream takes what was in flight and goes on. An exception that a plug-in did not foresee is pinned
to its item by halving what was in flight; the stream goes on behind it. An error of the backend as
a whole, or of the machine, ends the run. So does a backend that broke on the way, such as one whose
GPU was lost: many items in a row are not blamed before something has worked after them.
"""

import errno
from collections.abc import Callable, Generator, Iterator

import pyarrow as pa
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from tenacity.wait import wait_base

from alignbench.engine.errors import UNEXPECTED, BackendFailedError
from alignbench.engine.in_flight import InFlight
from alignbench.engine.stage import Failed, Outcome, Stage
from alignbench.schemas.errors import AlignBenchError, TransientError
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import FailureKind

TRIES = 5
"""A passing fault that comes so often without an outcome in between ends the run."""

BLAMED_AT_ONCE = 20
"""Items that break the backend one after the other, so many, are not what is broken."""

Take = Callable[[Outcome, str], None]
"""Keeps an outcome, and the scope of its item; what it raises ends the run."""

HasFailedBefore = Callable[[str], bool]
"""Tells whether the item of a key failed in an earlier run."""


def growing_pauses() -> wait_base:
    """Returns the pauses between tries at what has a passing fault."""
    return wait_random_exponential(multiplier=1, max=30)


def work_lease(
    stage: Stage,
    items: Iterator[pa.Table],
    take: Take,
    has_failed_before: HasFailedBefore,
    *,
    something_worked: bool,
) -> None:
    """Does the items of a lease; each outcome is taken as it comes.

    Args:
        stage: What is to be done.
        items: Tables with `key` and `scope`; of one scope unless the stage mixes them.
        take: Keeps the outcomes.
        has_failed_before: That such an item breaks the backend says nothing of the backend.
        something_worked: Whether the backend is known to work. If not, the first items are blamed
            all the same: `take` may stop the run, and the next one goes on behind them.

    Raises:
        BackendFailedError: The backend broke on the way; none of the items that it broke on was
            taken.
        BackendContractError: An item was left without an outcome, or one came that nobody asked
            for.
        AlignBenchError: The backend cannot go on, or a passing fault did not pass.
        OSError: The machine cannot go on.
    """
    worker = _Worker(stage, take, has_failed_before, something_worked=something_worked)
    worker.work(items)
    worker.blame()


class _Worker:
    def __init__(
        self,
        stage: Stage,
        take: Take,
        has_failed_before: HasFailedBefore,
        *,
        something_worked: bool,
    ) -> None:
        self._stage = stage
        self._take = take
        self._has_failed_before = has_failed_before
        self._suspected: list[tuple[Failed, str]] = []
        self._something_worked = something_worked
        self._faults_in_a_row = 0
        self._from_take: BaseException | None = None

    def work(self, items: Iterator[pa.Table]) -> None:
        in_flight = InFlight(items)
        while True:
            try:
                for attempt in self._passing_faults_waited_out(in_flight):
                    with attempt:
                        self._stream(in_flight)
            except AlignBenchError:
                raise
            except Exception as error:
                if error in (in_flight.broken, self._from_take) or _is_the_machines(error):
                    raise
                self._pin(error, in_flight)
            else:
                return

    def _stream(self, in_flight: InFlight) -> None:
        if in_flight.is_done():
            return
        outcomes = self._stage.work(in_flight.stream())
        try:
            for outcome in outcomes:
                scope = in_flight.answered(outcome.key)
                if _has_worked(outcome):
                    self._something_worked = True
                    self.blame()
                self._keep(outcome, scope)
        finally:
            if isinstance(outcomes, Generator):
                outcomes.close()  # before another stream begins: no two may read the items
        in_flight.check_all_answered()

    def _keep(self, outcome: Outcome, scope: str) -> None:
        try:
            self._take(outcome, scope)
        except BaseException as error:
            self._from_take = error
            raise
        self._faults_in_a_row = 0

    def _pin(self, error: Exception, in_flight: InFlight) -> None:
        """Does what was in flight in halves: one bad item must not take the others with it."""
        if in_flight.is_done():
            raise error  # after the last item had its outcome: none is to blame
        left = in_flight.unanswered()
        if len(left) == 1:
            self._suspect(left["key"][0].as_py(), left["scope"][0].as_py(), error)
        else:
            half = len(left) // 2
            self.work(iter([left.slice(0, half)]))
            self.work(iter([left.slice(half)]))
        in_flight.settle_all()

    def _suspect(self, key: str, scope: str, error: Exception) -> None:
        failed = Failed(key, ItemFailure(UNEXPECTED, f"{type(error).__name__}: {error}"))
        if self._has_failed_before(key):
            self._keep(failed, scope)
            return
        self._suspected.append((failed, scope))
        if len(self._suspected) < BLAMED_AT_ONCE:
            return
        if self._something_worked:
            raise BackendFailedError(
                f"{self._stage.name}: {len(self._suspected)} items in a row broke the backend "
                f"({type(error).__name__}: {error}).",
                "None of them is marked as failed, and what was finished is kept. Mend the backend "
                "or the machine, and run the same command again.",
            ) from error
        self.blame()

    def blame(self) -> None:
        """Marks the items as failed that broke the backend, since nothing else is to blame."""
        while self._suspected:
            self._keep(*self._suspected.pop(0))

    def _passing_faults_waited_out(self, in_flight: InFlight) -> Retrying:
        exponential = growing_pauses()

        def is_the_stages(error: BaseException) -> bool:
            # Items that could not be read are lost to a further stream, and whoever keeps outcomes
            # has waited already.
            own = error not in (in_flight.broken, self._from_take)
            return own and isinstance(error, TransientError)

        def is_stuck(_: RetryCallState) -> bool:
            self._faults_in_a_row += 1
            return self._faults_in_a_row >= TRIES

        def pause(state: RetryCallState) -> float:
            state.attempt_number = self._faults_in_a_row
            return exponential(state)

        return Retrying(
            retry=retry_if_exception(is_the_stages), stop=is_stuck, wait=pause, reraise=True
        )


def _has_worked(outcome: Outcome) -> bool:
    return not isinstance(outcome, Failed) or outcome.failure.kind is not FailureKind.FAILED


def _is_the_machines(error: Exception) -> bool:
    """Tells whether the machine failed, not the item: no other item would fare better."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in full)
