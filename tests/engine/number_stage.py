"""A stage whose items are numbers and whose rows are prompts: the engine without a model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.runs.run import Run, open_run
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS
from alignbench.schemas.vocabulary import FailureKind, StageName

Behaviour = Callable[[str], None]


def open_numbers(folder: Path, settings: str = "") -> Run:
    """Returns a run in a new workspace whose `[run]` section holds `settings`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alignbench.toml").write_text(f"[run]\n{settings}\n")
    return open_run(str(folder))


def run_numbers(
    stage: "NumberStage",
    run: Run,
    limits: Limits = Limits(),  # noqa: B008 - an immutable value
) -> StageReport:
    """Runs the stage in the run's workspace."""
    return run_stage(stage.name, lambda _: stage, run.context, limits)


class EmptyNumberError(Exception):
    """Raised by a behaviour to say that a number has nothing in it."""


class BadNumberError(Exception):
    """Raised by a behaviour to say that a number cannot be done."""


class NumberStage(Stage):
    """Makes one prompt of each number below `count`."""

    name: ClassVar[StageName] = StageName.PROMPTS
    writes: ClassVar[Any] = (PROMPTS,)
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, run: Run, count: int, behaviour: Behaviour = lambda _: None) -> None:
        self._workspace = run.workspace
        self._count = count
        self._behaviour = behaviour
        self.worked_on: list[str] = []

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        for start in range(0, self._count, 5000):
            keys = [f"{n:08d}" for n in range(start, min(start + 5000, self._count))]
            yield pa.table({"key": keys, "scope": ["numbers"] * len(keys)})

    def done(self) -> pa.Table:
        known = self._workspace.table(PROMPTS).read(["prompt_id", "origin"])
        return known.rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        for key in (key for table in items for key in table["key"].to_pylist()):
            self.worked_on.append(key)
            try:
                self._behaviour(key)
            except EmptyNumberError:
                yield Failed(key, ItemFailure("T01", "Nothing in it.", FailureKind.EMPTY))
            except BadNumberError as error:
                yield Failed(key, ItemFailure("T02", f"Cannot do it: {error}"))
            else:
                yield Made(key, [Prompt(prompt_id=key, text=f"text {key}", origin="numbers")])
