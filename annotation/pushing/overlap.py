"""The overlap of single tasks in shared rounds, where it differs from their project's.

A task's overlap, in Label Studio's word, is how many answers the server collects for it. A project
gives all its tasks the number of answers that a sentence is to have. Gold goes to everybody; a task
with answers that no longer count needs that many more; a task of a withdrawn image needs none. What
is wanted follows from the tables alone, and the server is asked what it has, so that doing it twice
changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.label_studio.records import TaskOverlap
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.rounds.withdrawal import hidden_units, withdrawn_ids
from alignbench.schemas.fence import Fence, no_fence
from alignbench.schemas.tables import ANNOTATIONS, ROUNDS, TASKS
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, TaskState, WithdrawnKind
from alignbench.workspace.workspace import Workspace

EVERYBODY = 1000
"""More annotators than any project has."""
_AT_ONCE = 500


class AdjustedOverlap(NamedTuple):
    """How many tasks were changed on the server.

    Attributes:
        topped_up: Get further answers in place of those that no longer count.
        closed: Get no more answers.
    """

    topped_up: int = 0
    closed: int = 0


class _WantedOverlap(NamedTuple):
    """How many answers a task is to get; `again` of them in place of answers that do not count."""

    overlap: int
    again: int = 0


def adjust_overlap(
    workspace: Workspace,
    server: LabelStudioServer,
    answers_per_sentence: int,
    *,
    fence: Fence = no_fence,
) -> AdjustedOverlap:
    """Gives each task on the server the overlap that follows from the tables.

    Args:
        workspace: Whose tasks and answers.
        server: Where the tasks are.
        answers_per_sentence: How many answers that count a sentence is to get.
        fence: Asked before each change of a task.

    Raises:
        AlignBenchError: The server cannot be asked.
    """
    topped_up = closed = 0
    for project_id, wanted in _wanted(workspace, server.identity, answers_per_sentence).items():
        if server.counts(project_id) is None:
            continue
        for task in _different(server, project_id, wanted):
            overlap, again = wanted[task.task_id]
            fence()
            server.set_overlap(task.task_id, overlap, finished=task.answers >= overlap)
            closed += overlap == 0
            topped_up += again > 0 and overlap > task.overlap
    return AdjustedOverlap(topped_up, closed)


def _different(
    server: LabelStudioServer, project_id: int, wanted: Mapping[int, _WantedOverlap]
) -> list[TaskOverlap]:
    """Returns the tasks that have another overlap on the server."""
    task_ids = sorted(wanted)
    different: list[TaskOverlap] = []
    for start in range(0, len(task_ids), _AT_ONCE):
        different += [
            task
            for task in server.overlaps(project_id, task_ids[start:][:_AT_ONCE])
            if task.overlap != wanted[task.task_id].overlap
        ]
    return different


def _wanted(
    workspace: Workspace, server: str, answers_per_sentence: int
) -> dict[int, dict[int, _WantedOverlap]]:
    """Returns, by project and task, what differs from the project's own overlap."""
    tasks = workspace.table(TASKS).read(
        ["server", "project_id", "task_id", "sentence_id", "purpose", "state", "assignee",
         "round"],
        (pc.field("server") == server)
        & (pc.field("state") == TaskState.CONFIRMED.value)
        & pc.field("assignee").is_null(),
    )  # fmt: skip
    answers_of = {row.round: row.first for row in workspace.table(ROUNDS).rows()}
    hidden = hidden_units(workspace)
    void = _void_answers(workspace, server)
    wanted: dict[int, dict[int, _WantedOverlap]] = {}
    names = ("project_id", "task_id", "sentence_id", "purpose", "round")
    for project, task, sentence, purpose, of_round in zip(
        *(tasks[name].to_pylist() for name in names), strict=True
    ):
        usual = answers_of.get(of_round, answers_per_sentence) if purpose == Purpose.LABEL else 1
        if sentence in hidden:
            wanted.setdefault(project, {})[task] = _WantedOverlap(0)
        elif purpose == Purpose.GOLD:
            wanted.setdefault(project, {})[task] = _WantedOverlap(EVERYBODY)
        elif void[project, task]:
            again = void[project, task]
            wanted.setdefault(project, {})[task] = _WantedOverlap(usual + again, again)
    return wanted


def _void_answers(workspace: Workspace, server: str) -> Counter[tuple[int, int]]:
    """Counts, by project and task, the answers on the server that no longer count."""
    people = withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR)
    void: Counter[tuple[int, int]] = Counter()
    if not len(people):
        return void
    # A skip takes no answer's place, whosever it is.
    given = [AnnotationStatus.SUBMITTED.value, AnnotationStatus.WITHDRAWN.value]
    theirs = pc.field("annotator").isin(people) & pc.field("status").isin(pa.array(given))
    theirs &= pc.field("server") == server
    columns = ["server", "project_id", "task_id", "annotator", "status"]
    for batch in workspace.table(ANNOTATIONS).scan(columns, theirs):
        void.update(zip(batch["project_id"].to_pylist(), batch["task_id"].to_pylist(), strict=True))
    return void
