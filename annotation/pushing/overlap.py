"""How often tasks are offered, where that differs from what their project says.

A project offers each task so often that it gets as many answers as a sentence is to have. Gold is
offered to everybody; a task with answers that count no more is offered again as often; a task of a
withdrawn image is offered to nobody. What is wanted follows from the tables alone, and the server
is asked what it has, so that doing it twice changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.label_studio.records import TaskOffer
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.rounds.members import withdrawn_ids
from alignbench.schemas.tables import ANNOTATIONS, SENTENCES, TASKS
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, TaskState, WithdrawnKind
from alignbench.workspace.workspace import Workspace

EVERYBODY = 1000
"""More annotators than any project has."""
_AT_ONCE = 500


class Adjusted(NamedTuple):
    """How many tasks were changed on the server.

    Attributes:
        topped_up: Are offered again in place of answers that count no more.
        closed: Are offered to nobody any more.
    """

    topped_up: int = 0
    closed: int = 0


class _Wanted(NamedTuple):
    """How many answers a task is to get; `again` of them in place of answers that do not count."""

    answers: int
    again: int = 0


def adjust_offers(
    workspace: Workspace, server: LabelStudioServer, answers_per_sentence: int
) -> Adjusted:
    """Brings the server's offers to what the tables want of them.

    Args:
        workspace: Whose tasks and answers.
        server: Where the tasks are.
        answers_per_sentence: How many answers that count a sentence is to get.

    Raises:
        AlignBenchError: The server cannot be asked.
    """
    topped_up = closed = 0
    for project_id, wanted in _wanted(workspace, server.identity, answers_per_sentence).items():
        if server.counts(project_id) is None:
            continue
        for offer in _different(server, project_id, wanted):
            answers, again = wanted[offer.task_id]
            server.offer(offer.task_id, answers, finished=offer.answers >= answers)
            closed += answers == 0
            topped_up += again > 0 and answers > offer.wanted
    return Adjusted(topped_up, closed)


def _different(
    server: LabelStudioServer, project_id: int, wanted: Mapping[int, _Wanted]
) -> list[TaskOffer]:
    """Returns the tasks of which the server wants another number of answers."""
    task_ids = sorted(wanted)
    found: list[TaskOffer] = []
    for start in range(0, len(task_ids), _AT_ONCE):
        found += [
            offer
            for offer in server.offers(project_id, task_ids[start:][:_AT_ONCE])
            if offer.wanted != wanted[offer.task_id].answers
        ]
    return found


def _wanted(
    workspace: Workspace, server: str, answers_per_sentence: int
) -> dict[int, dict[int, _Wanted]]:
    """Returns, by project and task, what differs from the project's own number of answers."""
    tasks = workspace.table(TASKS).read(
        ["server", "project_id", "task_id", "sentence_id", "purpose", "state", "assignee"],
        (pc.field("server") == server) & (pc.field("state") == TaskState.CONFIRMED.value),
    )
    hidden = _hidden_sentences(workspace)
    void = _void_answers(workspace, server)
    wanted: dict[int, dict[int, _Wanted]] = {}
    names = ("project_id", "task_id", "sentence_id", "purpose", "assignee")
    for project, task, sentence, purpose, assignee in zip(
        *(tasks[name].to_pylist() for name in names), strict=True
    ):
        usual = answers_per_sentence if purpose == Purpose.LABEL and assignee is None else 1
        if sentence in hidden:
            wanted.setdefault(project, {})[task] = _Wanted(0)
        elif purpose == Purpose.GOLD and assignee is None:
            wanted.setdefault(project, {})[task] = _Wanted(EVERYBODY)
        elif void[project, task] and assignee is None:
            again = void[project, task]
            wanted.setdefault(project, {})[task] = _Wanted(usual + again, again)
    return wanted


def _hidden_sentences(workspace: Workspace) -> set[str]:
    images = withdrawn_ids(workspace, WithdrawnKind.IMAGE)
    if not len(images):
        return set()
    of_images = pc.field("image_id").isin(images)
    found = workspace.table(SENTENCES).read(["sentence_id", "image_id"], of_images)
    return set(found["sentence_id"].to_pylist())


def _void_answers(workspace: Workspace, server: str) -> Counter[tuple[int, int]]:
    """Counts, by project and task, the answers on the server that count no more."""
    people = withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR)
    found: Counter[tuple[int, int]] = Counter()
    if not len(people):
        return found
    # A skip takes no answer's place, whosever it is.
    given = [AnnotationStatus.SUBMITTED.value, AnnotationStatus.WITHDRAWN.value]
    void = pc.field("annotator").isin(people) & pc.field("status").isin(pa.array(given))
    columns = ["server", "project_id", "task_id", "annotator", "status"]
    for batch in workspace.table(ANNOTATIONS).scan(columns, void & (pc.field("server") == server)):
        found.update(
            zip(batch["project_id"].to_pylist(), batch["task_id"].to_pylist(), strict=True)
        )
    return found
