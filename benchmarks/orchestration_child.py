"""One measurement of `benchmarks.orchestration`, in a process of its own; prints JSON.

python -m benchmarks.orchestration_child bare|engine ITEMS FOLDER
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

STARTED = time.monotonic()

import pyarrow as pa  # noqa: E402 - imports are part of the fixed start that is measured

from alignbench.schemas.rows.generation import Prompt  # noqa: E402
from alignbench.schemas.tables import PROMPTS  # noqa: E402
from alignbench.schemas.vocabulary import StageName  # noqa: E402
from alignbench.workspace.workspace import open_workspace  # noqa: E402

COMMIT_ROWS = 2048


def prompt(key: str) -> Prompt:
    """Returns the row that stands for the work."""
    return Prompt(prompt_id=key, text=f"A scene with number {key} in it.", origin="numbers")


def bare(items: int, folder: Path) -> float:
    """Makes the rows and writes the parts with no engine; returns when the first row was made."""
    table = open_workspace(str(folder)).table(PROMPTS)
    first = time.monotonic()
    for start in range(0, items, COMMIT_ROWS):
        keys = (f"{n:032d}" for n in range(start, min(start + COMMIT_ROWS, items)))
        table.append([prompt(key) for key in keys], "bare")
    return first


def engine(items: int, folder: Path) -> float:
    """Runs a stage that does the same; returns when the first row was made."""
    from prefect import flow

    from alignbench.engine.report import StageReport
    from alignbench.engine.running import run_stage
    from alignbench.engine.stage import Made, Outcome, Stage
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.flows.runs.run import open_run

    first: list[float] = []

    class Numbers(Stage):
        name: ClassVar[StageName] = StageName.PROMPTS
        writes: ClassVar[Any] = (PROMPTS,)
        mixes_scopes: ClassVar[bool] = False

        def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
            for start in range(0, items, 32_768):
                keys = [f"{n:032d}" for n in range(start, min(start + 32_768, items))]
                yield pa.table({"key": keys, "scope": ["numbers"] * len(keys)})

        def done(self) -> pa.Table:
            known = open_workspace(str(folder)).table(PROMPTS).read(["prompt_id", "origin"])
            return known.rename_columns(["key", "scope"])

        def work(self, batches: Iterator[pa.Table]) -> Iterator[Outcome]:
            for batch in batches:
                first.append(time.monotonic())
                for key in batch["key"].to_pylist():
                    yield Made(key, [prompt(key)])

    @flow(name="numbers", persist_result=False)
    def numbers(workspace: str) -> StageReport:
        context = open_run(workspace).context
        return run_stage(Numbers.name, lambda _: Numbers(), context)

    run_flow(numbers, str(folder))
    return first[0]


if __name__ == "__main__":
    kind, count, place = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    place.mkdir(parents=True)
    (place / "alignbench.toml").write_text(f"[run]\ncommit_rows = {COMMIT_ROWS}\n")
    first_row = {"bare": bare, "engine": engine}[kind](count, place)
    figures = {
        "seconds": time.monotonic() - STARTED,
        "start_seconds": first_row - STARTED,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures))
