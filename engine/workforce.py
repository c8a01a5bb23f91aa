"""What a run needs of processes that share its work; the engine does not know who starts them.

A run cuts what is pending into *shares* and gives them to a *crew* of processes, on this machine or
on others. Each process commits what comes of its share itself, so nothing but counts comes back.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pyarrow as pa

from alignbench.engine.report import StageReport
from alignbench.engine.stage import Stage
from alignbench.schemas.configuration.run_section import RunConfig
from alignbench.schemas.fence import Fence
from alignbench.schemas.spending import Budget
from alignbench.workspace.workspace import Workspace


@dataclass(frozen=True)
class SharedStage:
    """What every process of a crew is given once; it can be pickled and holds no secret.

    Attributes:
        stage: What is to be done.
        workspace: Where it is committed.
        settings: How work is cut up.
        run_id: Stamped on every row.
        fence: Tells whether the lock of the run that shares out the work is still its own.
        budget: What all runs may spend together.
    """

    stage: Stage
    workspace: Workspace
    settings: RunConfig
    run_id: str
    fence: Fence
    budget: Budget


class Share(NamedTuple):
    """Items for one process.

    Attributes:
        number: Tells the shares of a run apart.
        scope: The one scope of the items, or "" where the stage mixes them.
        items: The items.
        attempts: How often items have failed before; only those that did.
        something_worked: Whether an early stop is out of the question.
    """

    number: int
    scope: str
    items: pa.Table
    attempts: Mapping[str, int]
    something_worked: bool


class ShareResult(NamedTuple):
    """What became of a share.

    Attributes:
        number: The share's.
        report: What was committed of it, and what that cost.
        error: Why it was not finished, if it was not.
    """

    number: int
    report: StageReport
    error: Exception | None = None


class Crew(Protocol):
    """Processes that work on the shares of one stage.

    Attributes:
        size: How many processes there are.
    """

    size: int

    def has_room(self) -> bool:
        """Tells whether a share would soon be begun; so no more are made than can be."""
        ...

    def give(self, share: Share) -> None:
        """Hands a share to the process that has the least to do."""
        ...

    def next_result(self) -> ShareResult:
        """Waits until a share has ended. One whose process died has a `WorkerLostError`."""
        ...

    def stop(self) -> Iterator[ShareResult]:
        """Lets every process commit what it has finished and end; yields what that was."""
        ...


class Workforce(Protocol):
    """Starts processes for a run."""

    def crew(
        self, shared: SharedStage, gpus: float | None, tell: Callable[[str], None]
    ) -> AbstractContextManager[Crew]:
        """Starts a crew; its processes are gone when the context is left.

        Args:
            shared: What each process is given.
            gpus: How many GPUs one needs; None for one where there are any.
            tell: Is told what an operator should know while work goes on.
        """
        ...
