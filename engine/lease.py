"""Working through a lease: one stream of items, and what happens when something breaks it.

An outcome that came is kept, whatever comes after it. A *passing* fault is waited out, and a new
stream takes what was in flight and goes on. An exception that a plug-in did not foresee is pinned
to its item by halving what was in flight; the stream goes on behind it. An error of the backend as
a whole, or of the machine, ends the run.
"""

import errno
from collections.abc import Callable, Generator, Iterator

import pyarrow as pa
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from alignbench.engine.errors import UNEXPECTED
from alignbench.engine.in_flight import InFlight
from alignbench.engine.stage import Failed, Outcome, Stage
from alignbench.schemas.errors import AlignBenchError, TransientError
from alignbench.schemas.protocols import ItemFailure

TRIES = 5
"""A passing fault that comes so often without an outcome in between ends the run."""

Take = Callable[[Outcome, str], None]
"""Keeps an outcome, and the scope of its item; what it raises ends the run."""


def work_lease(stage: Stage, items: Iterator[pa.Table], take: Take) -> None:
    """Does the items of a lease; each outcome is taken as it comes.

    Args:
        stage: What is to be done.
        items: Tables with `key` and `scope`; of one scope unless the stage mixes them.
        take: Keeps the outcomes.

    Raises:
        BackendContractError: An item was left without an outcome, or one came that nobody asked
            for.
        AlignBenchError: The backend cannot go on, or a passing fault did not pass.
        OSError: The machine cannot go on.
    """
    _Worker(stage, take).work(items)


class _Worker:
    def __init__(self, stage: Stage, take: Take) -> None:
        self._stage = stage
        self._take = take
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
                self._keep(outcome, in_flight.answered(outcome.key))
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
            failure = ItemFailure(UNEXPECTED, f"{type(error).__name__}: {error}")
            self._keep(Failed(left["key"][0].as_py(), failure), left["scope"][0].as_py())
        else:
            half = len(left) // 2
            self.work(iter([left.slice(0, half)]))
            self.work(iter([left.slice(half)]))
        in_flight.settle_all()

    def _passing_faults_waited_out(self, in_flight: InFlight) -> Retrying:
        exponential = wait_random_exponential(multiplier=1, max=30)

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


def _is_the_machines(error: Exception) -> bool:
    """Tells whether the machine failed, not the item: no other item would fare better."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in full)
