"""What people have replied to the questions of a round, as the tables have it."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.tables import (
    ANNOTATIONS,
    QUARANTINE,
    RATINGS,
    TASKS,
    VARIANT_CHECKS,
    TableSpec,
)
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, AssignmentState, Purpose
from alignbench.workspace.tables.numbered import ENCODED, encoded
from alignbench.workspace.workspace import Workspace

MOST_SKIPS: Final = 3
"""A unit that so many people have skipped is put to nobody else."""


class Reply(IntEnum):
    """What somebody did with a task; of several things the highest counts."""

    VOID = 0
    """Deleted, by somebody else, or set aside: a caption if any of its sentences is."""
    SKIP = 1
    VOTE = 2


REPLIED_STATES: Final = {
    Reply.VOID: AssignmentState.CLOSED,
    Reply.SKIP: AssignmentState.SKIPPED,
    Reply.VOTE: AssignmentState.ANSWERED,
}
_REPLIES: Final = {
    AnnotationStatus.SUBMITTED.value: Reply.VOTE,
    AnnotationStatus.SKIPPED.value: Reply.SKIP,
}
_OF_QUESTIONS: Final[Mapping[AnnotationUnit, tuple[TableSpec[Any], str]]] = {
    AnnotationUnit.RESPONSE: (RATINGS, "response_id"),
    AnnotationUnit.VARIANT: (VARIANT_CHECKS, "variant_id"),
}
"""Of units that have to do with questions: where their answers are, and what these are about."""
_ANSWER: Final = ("server", "project_id", "annotation_id")
"""What names an answer."""
_READ: Final = ["unit_id", "annotator", "status", *_ANSWER]
_TASK: Final = ["server", "project_id", "task_id"]
_SCHEMA: Final = pa.schema(
    [("unit_id", ENCODED), ("annotator", ENCODED), ("reply", pa.int8())]
)  # fmt: skip


def round_replies(workspace: Workspace, round_name: str, unit: AnnotationUnit) -> pa.Table:
    """Returns `unit_id`, `annotator` and `reply` of a round, those of adjudicators left out."""
    partial = _partly_set_aside(workspace, round_name, unit)
    known = pa.array(list(_REPLIES))
    codes = pa.array([int(reply) for reply in _REPLIES.values()], pa.int8())
    void = pa.scalar(int(Reply.VOID), pa.int8())
    found = [_SCHEMA.empty_table()]
    for batch in _answers(workspace, round_name, unit):
        places = pc.index_in(batch["status"], value_set=known)
        reply = pc.fill_null(codes.take(places.combine_chunks()), void)
        if partial:
            answers = zip(*(batch[name].to_pylist() for name in _ANSWER), strict=True)
            is_whole = pa.array([answer not in partial for answer in answers])
            reply = pc.if_else(is_whole, reply, void)
        columns = encoded(batch.select(_READ[:2]), *_READ[:2])
        found.append(columns.append_column("reply", reply))
    return pa.concat_tables([*found, *_set_aside(workspace, round_name)])


def _answers(workspace: Workspace, round_name: str, unit: AnnotationUnit) -> Iterator[pa.Table]:
    where, having = pc.field("round") == round_name, ("round", round_name)
    if unit.is_of_questions:
        spec, subject = _OF_QUESTIONS[unit]
        columns = [subject, *_READ[1:], "round"]
        for batch in workspace.table(spec).scan(columns, where, having=having):
            yield batch.append_column("unit_id", batch[subject])
        return
    where &= pc.field("purpose") != Purpose.ADJUDICATE.value
    columns = [*_READ, "sentence_id", "round", "purpose"]
    for batch in workspace.table(ANNOTATIONS).scan(columns, where, having=having):
        # Rows of earlier versions name no unit: it was the sentence.
        units = pc.coalesce(batch["unit_id"], batch["sentence_id"])
        yield batch.drop_columns("unit_id").append_column("unit_id", units)


def _partly_set_aside(
    workspace: Workspace, round_name: str, unit: AnnotationUnit
) -> set[tuple[object, ...]]:
    """Returns the answers to captions that are not believed about every sentence.

    What they say of the others counts as votes; but they fill no place, or one sentence would have
    a vote less than is wanted.
    """
    if unit is not AnnotationUnit.CAPTION:
        return set()
    doubtful = workspace.table(QUARANTINE).read([*_ANSWER, "sentence_ids"])
    doubted = {
        (*answer, sentence_id)
        for *answer, sentence_ids in _rows(doubtful, [*_ANSWER, "sentence_ids"])
        for sentence_id in sentence_ids or ()
    }
    if doubted:  # what was set aside may be believed by now
        where = pc.field("round") == round_name
        where &= pc.field("status") == AnnotationStatus.SUBMITTED.value
        columns = [*_ANSWER, "sentence_id"]
        needed = [*columns, "round", "status"]
        for batch in workspace.table(ANNOTATIONS).scan(needed, where):
            doubted.difference_update(_rows(batch, columns))
    return {tuple(answer) for *answer, _ in doubted}


def _set_aside(workspace: Workspace, round_name: str) -> Iterator[pa.Table]:
    """Yields the questions of a round to whose tasks there is an answer in quarantine, as void."""
    doubtful = workspace.table(QUARANTINE).read(_TASK)
    if not len(doubtful):
        return
    tasks = set(_rows(doubtful, _TASK))
    wanted = [*_TASK, "sentence_id", "assignee", "round", "state"]
    where = (pc.field("round") == round_name) & pc.field("assignee").is_valid()
    for batch in workspace.table(TASKS).scan(wanted, where):
        is_doubtful = pa.array([task in tasks for task in _rows(batch, _TASK)], pa.bool_())
        columns = batch.filter(is_doubtful).select(["sentence_id", "assignee"])
        columns = encoded(columns.rename_columns(_READ[:2]), *_READ[:2])
        void = pa.repeat(pa.scalar(int(Reply.VOID), pa.int8()), len(columns))
        yield columns.append_column("reply", void)


def _rows(table: pa.Table, names: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)
