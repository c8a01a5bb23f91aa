"""One commit: a batch of items worked on and written, whole, as one part for each table."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from flows.errors import UNEXPECTED
from flows.progress import current_progress
from flows.report import CommitReport
from schemas.columns import DataclassRow
from schemas.errors import AlignBenchError, TransientError
from schemas.protocols import ItemFailure
from schemas.rows import Failure
from schemas.tables import FAILURES, TableSpec
from schemas.text import clean_text
from schemas.vocabulary import FailureKind
from workspace.workspace import Workspace

if TYPE_CHECKING:
    from flows.stage import Stage

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
    outcomes = [outcome for batch in _of_one_scope(items) for outcome in _work(stage, batch)]
    made = [outcome for outcome in outcomes if isinstance(outcome, Made)]
    failures = _failure_rows(stage, items, outcomes, attempts)
    rows = {
        spec.name: len(written)
        for spec in stage.writes
        if (written := _rows_of(spec, made)) and workspace.table(spec).append(written, run_id)
    }
    workspace.table(FAILURES).append(failures, run_id)
    empty = sum(row.kind is FailureKind.EMPTY for row in failures)
    return CommitReport(len(made), len(failures) - empty, empty, rows, time.monotonic() - started)


def _of_one_scope(items: pa.Table) -> Iterator[pa.Table]:
    """Yields runs of items of one scope: a model is given only its own."""
    scopes = items.column("scope").to_pylist()
    start = 0
    for end in range(1, len(scopes) + 1):
        if end == len(scopes) or scopes[end] != scopes[start]:
            yield items.slice(start, end - start)
            start = end


def _work(stage: "Stage", items: pa.Table) -> list[Outcome]:
    """Does the items, those left after a passing fault again, each alone after any other."""
    outcomes: dict[str, Outcome] = {}
    try:
        for attempt in _transient_retries():
            with attempt:
                _collect(stage, _without(items, outcomes), outcomes)
    except AlignBenchError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and one bad item must
        # not take the others with it: find it by trying each alone.
        left = _without(items, outcomes)
        if len(left) == 1:
            key = left["key"][0].as_py()
            outcomes[key] = Failed(key, _unexpected(error))
            current_progress().advanced(1, failed=1)
        else:
            alone = (left.slice(index, 1) for index in range(len(left)))
            return [*outcomes.values(), *(found for item in alone for found in _work(stage, item))]
    return list(outcomes.values())


def _collect(stage: "Stage", items: pa.Table, outcomes: dict[str, Outcome]) -> None:
    for outcome in stage.work(items):
        outcomes[outcome.key] = outcome
        current_progress().advanced(1, failed=isinstance(outcome, Failed))


def _without(items: pa.Table, done: Mapping[str, Outcome]) -> pa.Table:
    if not done:
        return items
    return items.filter(pa.array([key not in done for key in items["key"].to_pylist()]))


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
    stage: "Stage", items: pa.Table, outcomes: Sequence[Outcome], attempts: Mapping[str, int]
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
