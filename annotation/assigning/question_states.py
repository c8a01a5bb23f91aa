"""What has become of the questions of a large round: columns, and no object for each question.

The same as the rows of `RoundStandings`, which dealing needs, for what only counts and sends.
"""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.standings import (
    ANSWER,
    REPLIED_STATES,
    REPLIES,
    Reply,
    partly_set_aside,
    round_answers,
    set_aside,
)
from alignbench.annotation.rounds.forms import round_units
from alignbench.schemas.tables import ASSIGNMENTS, TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, AssignmentState, TaskState
from alignbench.workspace.workspace import Workspace

_KEY: Final = ["unit_id", "annotator"]
_STATES: Final = pa.schema([pa.field(name, pa.string()) for name in (*_KEY, "state")])
_REPLIES: Final = pa.schema([*_STATES.remove(2), pa.field("reply", pa.int64())])


def question_states(workspace: Workspace, round_name: str) -> pa.Table:
    """Returns `unit_id`, `annotator` and `state` of each question of a round, in no order."""
    of_round = pc.field("round") == round_name
    written = workspace.table(ASSIGNMENTS).read([*_STATES.names, "round"], of_round)
    written = written.select(_STATES.names).cast(_STATES)
    # Those that an earlier version put to people, which wrote no rows.
    sent = of_round & pc.field("assignee").is_valid()
    sent &= pc.field("state") == TaskState.CONFIRMED.value
    columns = ["sentence_id", "assignee", "round", "state"]
    tasks = workspace.table(TASKS).read(columns, sent).group_by(columns[:2]).aggregate([])
    tasks = tasks.rename_columns(_KEY).join(written, _KEY, join_type="left anti")
    is_open = pa.repeat(pa.scalar(AssignmentState.OPEN.value), len(tasks))
    questions = pa.concat_tables([written, tasks.append_column("state", is_open).cast(_STATES)])
    if not len(questions):
        return questions
    replied = questions.join(_replies(workspace, round_name), _KEY)
    states = pa.array([REPLIED_STATES[reply].value for reply in Reply])
    state = pc.coalesce(states.take(replied["reply"].combine_chunks()), replied["state"])
    return replied.select(_KEY).append_column("state", state)


def _replies(workspace: Workspace, round_name: str) -> pa.Table:
    """Returns what people have replied, the highest of several replies to a question."""
    asked = round_units(workspace).get(round_name, AnnotationUnit.SENTENCE)
    partial = partly_set_aside(workspace, round_name, asked)
    known = pa.array(list(REPLIES))
    codes = pa.array([int(reply) for reply in REPLIES.values()], pa.int64())
    found = [_REPLIES.empty_table()]
    for batch in round_answers(workspace, round_name, asked):
        places = pc.index_in(batch["status"], value_set=known)
        reply = pc.fill_null(codes.take(places.combine_chunks()), int(Reply.VOID))
        if partial:
            answers = zip(*(batch[name].to_pylist() for name in ANSWER), strict=True)
            is_whole = pa.array([answer not in partial for answer in answers])
            reply = pc.if_else(is_whole, reply, int(Reply.VOID))
        found.append(pa.table([batch["unit_id"], batch["annotator"], reply], schema=_REPLIES))
    doubtful = list(set_aside(workspace, round_name))
    void = [int(Reply.VOID)] * len(doubtful)
    columns_of = [list(column) for column in zip(*doubtful, strict=True)] or [[], []]
    found.append(pa.table([*columns_of, void], schema=_REPLIES))
    highest = pa.concat_tables(found).group_by(_KEY).aggregate([("reply", "max")])
    return highest.rename_columns([*_KEY, "reply"])
