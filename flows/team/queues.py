"""Where each annotator of a round answers, and how much is left for them."""

from collections import defaultdict
from typing import NamedTuple

import pyarrow.compute as pc

from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.team import paused_annotators
from alignbench.annotation.rounds.forms import round_form
from alignbench.flows.asking.label_studio import annotation_server, queue_address
from alignbench.flows.runs.run import open_run
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, AssignmentState, TaskState


class Queue(NamedTuple):
    """One annotator's work in a round, as of the last pull.

    Attributes:
        annotator: Who answers.
        address: Opens the first open task; None if the project is gone, or nothing was sent yet.
        open: Sentences, or whole captions, still to be answered.
        answered: Those answered.
        skipped: Those skipped.
        paused: Whether they get no further work for now.
        unit: What the round asks about at once.
    """

    annotator: str
    address: str | None
    open: int
    answered: int
    skipped: int
    paused: bool
    unit: AnnotationUnit


def round_queues(address: str, round_name: str | None) -> list[Queue]:
    """Returns the queue of everybody who is, or was, asked something in a round.

    Args:
        address: The workspace.
        round_name: The round; the configuration's if None.
    """
    run = open_run(address)
    server = annotation_server(run)
    round_name = round_name or run.config.annotation.round
    questions = RoundQuestions(run.workspace, round_name)
    states = questions.counts()
    open_units = {name: questions.open_of(name) for name in states}
    where = (pc.field("round") == round_name) & (pc.field("server") == server.identity)
    where &= pc.field("assignee").is_valid()
    where &= pc.field("state") == TaskState.CONFIRMED.value
    projects: defaultdict[str, dict[int, bool]] = defaultdict(dict)
    for task in run.workspace.table(TASKS).rows(where):
        if task.assignee is not None:
            has_open = task.sentence_id in open_units.get(task.assignee, ())
            theirs = projects[task.assignee]
            theirs[task.project_id] = theirs.get(task.project_id, False) or has_open
    paused = paused_annotators(run.workspace)
    unit = round_form(run.workspace, round_name, run.config.annotation).unit
    queues: list[Queue] = []
    for name in sorted(states):
        # The first project with something open, or else the newest.
        ranked = sorted(projects[name], key=lambda key: (not projects[name][key], key))
        there = [key for key in ranked if server.counts(key) is not None]
        counts = states[name]
        queues.append(
            Queue(
                name,
                queue_address(server, there[0]) if there else None,
                counts[AssignmentState.OPEN],
                counts[AssignmentState.ANSWERED],
                counts[AssignmentState.SKIPPED],
                name in paused,
                unit,
            )
        )
    return queues
