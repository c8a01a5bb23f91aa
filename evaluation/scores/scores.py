"""What is known of a detector's sentences: scores, and why others have none.

Both lie in a workspace, or in the folder of an evaluation: scores in table `scores`, failures in
`failures` like those of any stage. In older workspaces a failure is a row of `scores`; it counts as
one all the same.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.rows.runs import Failure, Score
from alignbench.schemas.tables import FAILURES, SCORES
from alignbench.schemas.vocabulary import FailureKind, ScoreStatus, StageName
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.keys import KeySet
from alignbench.workspace.workspace import Workspace

RECORD: Final = "evaluation.json"
"""In the folder of an evaluation: what was run."""

USABLE: Final = (ScoreStatus.SCORED, ScoreStatus.WINDOWED)

_ROW: Final = pa.schema(
    [(name, SCORES.schema.field(name).type) for name in ("sentence_id", "score", "words")]
    + [("status", pa.string()), ("note", pa.string()), ("seconds", pa.float64())]
)


def score_keys(
    sentence_ids: pa.ChunkedArray, image_ids: pa.ChunkedArray, detector_id: str
) -> pa.ChunkedArray:
    """Returns the done-keys of sentences that a detector is to score."""
    return pc.binary_join_element_wise(sentence_ids, image_ids, detector_id, ":")


def scored_keys(workspace: Workspace, detector_id: str) -> pa.ChunkedArray:
    """Returns the done-keys of the sentences that have a usable score of a detector."""
    scores = workspace.table(SCORES).read(
        ["sentence_id", "image_id", "detector_id", "status"],
        _of(detector_id) & _is_usable(),
        having=("detector_id", detector_id),
    )
    return score_keys(scores["sentence_id"], scores["image_id"], detector_id)


def score_rows(workspace: Workspace, detector_id: str) -> pa.Table:
    """Returns what came of each sentence that a detector was asked about.

    The columns are `sentence_id`, `score`, `words`, `status`, `note`, which says why there is no
    score, or what is to be said of it, and `seconds`.
    """
    columns = ["sentence_id", "score", "words", "status", "note", "seconds", "detector_id"]
    scores = workspace.table(SCORES).read(
        columns, _of(detector_id) & _is_usable(), having=("detector_id", detector_id)
    )
    lost = [_unscored(failure) for failure in current_failures(workspace, detector_id)]
    return pa.concat_tables(
        [scores.select(_ROW.names).cast(_ROW), pa.Table.from_pylist(lost, _ROW)]
    )


def current_failures(workspace: Workspace, detector_id: str) -> Iterator[Failure]:
    """Yields a detector's failures that no later run has made good."""
    where = (pc.field("stage") == StageName.EVALUATE.value) & (pc.field("scope") == detector_id)
    failures = list(workspace.table(FAILURES).rows(where))
    if failures:
        done = KeySet(scored_keys(workspace, detector_id))
        yield from (row for row in failures if row.key not in done)


def failures_of_older_versions(rows: Iterable[Score]) -> Iterator[Failure]:
    """Yields the failures that rows of table `scores` without a usable score stand for."""
    for row in rows:
        code, _, message = (row.note or "").partition(": ")
        absent = code == ItemCode.IMAGE_ABSENT.value
        yield Failure(
            stage=StageName.EVALUATE,
            key=f"{row.sentence_id}:{row.image_id}:{row.detector_id}",
            scope=row.detector_id,
            kind=FailureKind.EMPTY if absent else FailureKind.FAILED,
            code=code,
            message=message,
            attempts=row.attempts,
        )


def names_in_records(store: ObjectStore) -> dict[str, str]:
    """Returns the names of detectors by their ids, as the records of evaluations in a store say."""
    names: dict[str, str] = {}
    for info in store.list("evaluations"):
        if info.key.endswith(f"/{RECORD}"):
            # A record that was changed by hand names nobody.
            with suppress(ValueError, RecursionError, AttributeError, TypeError, KeyError):
                detectors = json.loads(store.read(info.key)).get("detectors", [])
                names |= {detector["detector_id"]: detector["name"] for detector in detectors}
    return names


def unusable_rows(workspace: Workspace, detector_id: str) -> list[Score]:
    """Returns the rows of table `scores` without a usable score, which older versions wrote."""
    scores = workspace.table(SCORES)
    where = _of(detector_id) & ~_is_usable()
    return list(scores.rows(where, having=("detector_id", detector_id)))


def _unscored(failure: Failure) -> dict[str, object]:
    invalid = failure.code == ItemCode.SCORE_INVALID.value
    return {
        "sentence_id": failure.key.rsplit(":", 2)[0],
        "score": None,
        "words": [],
        "status": (ScoreStatus.INVALID if invalid else ScoreStatus.FAILED).value,
        "note": f"{failure.code}: {failure.message}",
        "seconds": None,
    }


def _of(detector_id: str) -> pc.Expression:
    return pc.field("detector_id") == detector_id


def _is_usable() -> pc.Expression:
    return pc.field("status").isin(pa.array([status.value for status in USABLE], pa.string()))
