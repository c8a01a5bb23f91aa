"""A crew of threads: stands in for processes of a cluster, which take seconds to start.

`tests/flows/test_ray_workers.py` has the real ones.
"""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from alignbench.engine.context import RunContext
from alignbench.engine.errors import WorkerLostError
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.share_work import work_share
from alignbench.engine.stage import Limits
from alignbench.engine.workforce import Crew, Share, SharedStage, ShareResult
from alignbench.flows.runs.run import Run
from tests.engine.number_stage import NumberStage


class WorkerDies(BaseException):
    """Raised by a behaviour: the process is killed, and has committed what it had committed."""


class ThreadCrew:
    def __init__(self, shared: SharedStage, size: int) -> None:
        self.size = size
        self.most_out = 0
        self._shared = shared
        self._threads = ThreadPoolExecutor(size)
        self._results: queue.Queue[ShareResult] = queue.Queue()
        self._out = 0
        self._stopped = False

    def has_room(self) -> bool:
        return self._out < 2 * self.size

    def give(self, share: Share) -> None:
        self._out += 1
        self.most_out = max(self.most_out, self._out)
        self._threads.submit(self._work, share)

    def next_result(self) -> ShareResult:
        result = self._results.get(timeout=60)
        self._out -= 1
        return result

    def stop(self) -> Iterator[ShareResult]:
        self._stopped = True
        while self._out:
            yield self.next_result()

    def dismiss(self) -> None:
        self._threads.shutdown()

    def _work(self, share: Share) -> None:
        try:
            self._results.put(work_share(self._shared, share, lambda: self._stopped))
        except WorkerDies:
            lost = WorkerLostError("A worker died.", "Look.")
            report = StageReport(self._shared.stage.name)
            self._results.put(ShareResult(share.number, report, lost))


class ThreadWorkforce:
    def __init__(self, size: int = 2) -> None:
        self.crews: list[ThreadCrew] = []
        self._size = size

    @contextmanager
    def crew(
        self, shared: SharedStage, gpus: float | None, tell: Callable[[str], None]
    ) -> Iterator[Crew]:
        self.crews.append(ThreadCrew(shared, self._size))
        try:
            yield self.crews[-1]
        finally:
            self.crews[-1].dismiss()


class SharedNumbers(NumberStage):
    """Its items may be shared out."""

    is_shareable = True


def run_shared(
    stage: NumberStage,
    run: Run,
    workforce: ThreadWorkforce,
    limits: Limits = Limits(),  # noqa: B008 - an immutable value
    **changed: Any,
) -> StageReport:
    """Runs the stage with its items shared out."""
    context: RunContext = replace(run.context, workforce=workforce, **changed)
    return run_stage(stage.name, lambda _: stage, context, limits)
