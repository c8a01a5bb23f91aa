"""One commit: a batch of items worked on and written, whole, as one part for each table."""

import errno
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from alignbench.flows.errors import UNEXPECTED
from alignbench.flows.progress import current_progress
from alignbench.flows.report import CommitReport
from alignbench.schemas.columns import DataclassRow
from alignbench.schemas.errors import AlignBenchError, TransientError
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows import Failure
from alignbench.schemas.tables import FAILURES, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import FailureKind
from alignbench.workspace.workspace import Workspace

if TYPE_CHECKING:
    from alignbench.flows.stage import Stage

_MESSAGE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Made:
    """An item that was done, and the rows that it is."""

    key: str
    rows: Sequence[DataclassRow]


@dataclass(frozen=True, slots=True)
class Failed:
    """An item that could not be done, and why."""

    key: str
    failure: ItemFailure


Outcome = Made | Failed


def commit(
    stage: "Stage",
    workspace: Workspace,
    run_id: str,
    items: pa.Table,
    attempts: Mapping[str, int],
) -> CommitReport:
    """Works on the items and writes what came of them.

    The tables are written in the stage's order, so that a row never names one that is not there
    yet, failures last. A kill in between is repaired by the next run, which does these items again:
    rows that were already written are the same rows.

    Args:
        stage: What is to be done.
        workspace: Where it is written.
        run_id: Stamped on the rows.
        items: The items, with `key` and `scope`.
        attempts: How often an item has failed before.
    """
    started = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    stopped: Exception | None = None
    try:
        _work(stage, items, outcomes)
    except Exception as error:  # noqa: BLE001 - raised again below, after what is done is written
        stopped = error
    made = [outcome for outcome in outcomes.values() if isinstance(outcome, Made)]
    failures = _failure_rows(stage, items, outcomes.values(), attempts)
    rows = {
        spec.name: len(written)
        for spec in stage.writes
        if (written := _rows_of(spec, made)) and workspace.table(spec).append(written, run_id)
    }
    workspace.table(FAILURES).append(failures, run_id)
    if stopped is not None:
        raise stopped
    empty = sum(row.kind is FailureKind.EMPTY for row in failures)
    return CommitReport(len(made), len(failures) - empty, empty, rows, time.monotonic() - started)


def _work(stage: "Stage", items: pa.Table, outcomes: dict[str, Outcome]) -> None:
    """Does the items, those left after a passing fault again, halves of them after any other."""
    try:
        for attempt in _transient_retries():
            with attempt:
                _collect(stage, _without(items, outcomes), outcomes)
    except AlignBenchError:
        raise
    except Exception as error:
        if _is_environments(error):
            raise
        # A plug-in may raise anything, and one bad item must not take the others with it: it is
        # found by halving what is left.
        left = _without(items, outcomes)
        if len(left) <= 1:
            for key in left["key"].to_pylist():
                outcomes[key] = Failed(key, _unexpected(error))
                current_progress().advanced(1, failed=1)
            return
        half = len(left) // 2
        _work(stage, left.slice(0, half), outcomes)
        _work(stage, left.slice(half), outcomes)


def _is_environments(error: Exception) -> bool:
    """Tells whether the machine failed, not the item: no other item would fare better."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in full)


def _collect(stage: "Stage", items: pa.Table, outcomes: dict[str, Outcome]) -> None:
    for outcome in stage.work(items):
        outcomes[outcome.key] = outcome
        current_progress().advanced(1, failed=isinstance(outcome, Failed))


def _without(items: pa.Table, done: Mapping[str, Outcome]) -> pa.Table:
    if not done:
        return items
    return items.filter(pa.array([key not in done for key in items["key"].to_pylist()], pa.bool_()))


def _transient_retries() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(5),
        wait=wait_random_exponential(multiplier=1, max=30),
        reraise=True,
    )


def _unexpected(error: Exception) -> ItemFailure:
    return ItemFailure(UNEXPECTED, f"{type(error).__name__}: {error}")


def _rows_of(spec: "TableSpec[Any]", made: Sequence[Made]) -> list[DataclassRow]:
    return [row for outcome in made for row in outcome.rows if type(row) is spec.row]


def _failure_rows(
    stage: "Stage", items: pa.Table, outcomes: Iterable[Outcome], attempts: Mapping[str, int]
) -> list[Failure]:
    scopes = dict(zip(items["key"].to_pylist(), items["scope"].to_pylist(), strict=True))
    return [
        Failure(
            stage=stage.name,
            key=outcome.key,
            scope=scopes[outcome.key],
            kind=outcome.failure.kind,
            code=outcome.failure.code,
            message=clean_text(outcome.failure.message).text[:_MESSAGE_LENGTH],
            attempts=attempts.get(outcome.key, 0) + 1,
        )
        for outcome in outcomes
        if isinstance(outcome, Failed)
    ]
