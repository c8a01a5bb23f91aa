"""A share, as the process does it that was given it."""

import uuid
from collections.abc import Callable, Sequence

from alignbench.engine.account import StageAccount, kept
from alignbench.engine.context import RunContext
from alignbench.engine.errors import WorkerFailedError
from alignbench.engine.pending import Lease
from alignbench.engine.report import StageReport
from alignbench.engine.watching import Watcher
from alignbench.engine.worker import Worker
from alignbench.engine.workforce import Share, SharedStage, ShareResult
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.fence import fenced
from alignbench.schemas.spending import paid_from

MustStop = Callable[[], bool]
"""Tells whether the run wants its processes to end."""


class _StopAskedError(Exception):
    """Ends a share between two items."""


class _Interruptible(Watcher):
    """Lets a share end after an item, once that is asked for."""

    def __init__(self, must_stop: MustStop) -> None:
        self._must_stop = must_stop

    def advanced(self, items: int, failed: int) -> None:  # noqa: ARG002
        """Ends the share if the run wants that; what was finished is committed."""
        if self._must_stop():
            raise _StopAskedError


def work_share(shared: SharedStage, share: Share, must_stop: MustStop) -> ShareResult:
    """Does the items of a share and commits what comes of them; no error is raised.

    What it spends has an account, and so a row of `stage_runs`, of its own: a budget is counted
    over all of them.
    """
    report = StageReport(shared.stage.name)
    watcher = _Interruptible(must_stop)
    context = RunContext(shared.workspace, shared.settings, shared.run_id, watcher)
    account = StageAccount(
        shared.workspace, report.stage, shared.run_id, shared.budget, part=uuid.uuid4().hex
    )

    def attempts_before(keys: Sequence[str]) -> dict[str, int]:
        return {key: share.attempts[key] for key in keys if key in share.attempts}

    try:
        with fenced(shared.fence), paid_from(account), kept(account, report):
            if not must_stop():
                Worker(
                    shared.stage,
                    context,
                    shared.fence,
                    report,
                    len(share.items),
                    attempts_before,
                ).work_through(
                    Lease(share.scope, iter([share.items])), something_worked=share.something_worked
                )
    except _StopAskedError:
        return ShareResult(share.number, report)
    except AlignBenchError as error:
        return ShareResult(share.number, report, error)
    except Exception as error:  # noqa: BLE001 - of any library, perhaps not to be pickled
        return ShareResult(share.number, report, _in_words(error))
    return ShareResult(share.number, report)


def _in_words(error: Exception) -> WorkerFailedError:
    return WorkerFailedError(
        f"A worker process failed: {type(error).__name__}: {error}.",
        "Mend the cause and run the same command again; what was finished is kept.",
    )
