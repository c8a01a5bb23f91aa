"""The form of a round: fixed by its first push, so that a round ends as it was begun."""

from typing import Final

import pyarrow.compute as pc

from alignbench.schemas.configuration.annotation_section import AnnotationConfig
from alignbench.schemas.control_sample import ControlSample
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import ROUNDS, SAMPLED_QUESTIONS, TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, RoundForm
from alignbench.workspace.workspace import Workspace

MOST_RATINGS: Final = 2
"""How many people rate an answer that is rated twice."""


def round_form(workspace: Workspace, name: str, settings: AnnotationConfig) -> Round:
    """Returns the form of a round: the one it was begun with, or the one it would be begun with.

    A round in which questions were sampled asks people to rate answers: about most images one
    person, about some two. A round that has tasks and no row was begun by an earlier version. It
    has the votes that the configuration names; where its tasks are one annotator's each, they are
    queues.

    Args:
        workspace: Where it is.
        name: The round.
        settings: Says how many votes a unit is to get in a round that is begun now.
    """
    known = next(iter(workspace.table(ROUNDS).rows(pc.field("round") == name)), None)
    if known is not None:
        return known
    tasks = workspace.table(TASKS).read(["round", "assignee"], pc.field("round") == name)
    if not len(tasks) and is_sampled(workspace, name):
        return _ratings(name)
    # Label Studio keeps one number for a whole shared project.
    votes = None if len(tasks) else settings.votes
    is_shared = len(tasks) > 0 and tasks["assignee"].null_count > 0
    return Round(
        round=name,
        form=RoundForm.SHARED if is_shared else RoundForm.QUEUES,
        unit=AnnotationUnit.SENTENCE if len(tasks) else settings.unit,
        first=settings.annotators_per_sentence if votes is None else votes.first,
        most=settings.annotators_per_sentence if votes is None else votes.most,
        until=None if votes is None or votes.first == votes.most else votes.until,
        control_share=1.0 if votes is None else votes.control_share,
    )


def begin_round(workspace: Workspace, name: str, settings: AnnotationConfig, run_id: str) -> Round:
    """Returns the form of a round and writes it down, if it is not there yet."""
    form = round_form(workspace, name, settings)
    if not any(map(len, workspace.table(ROUNDS).scan(["round"], pc.field("round") == name))):
        workspace.table(ROUNDS).append([form], run_id)
    return form


def round_units(workspace: Workspace) -> dict[str, AnnotationUnit]:
    """Returns what rounds ask about at once, by name; rounds without a form ask about sentences."""
    return {row.round: row.unit for row in workspace.table(ROUNDS).rows()}


def is_sampled(workspace: Workspace, name: str) -> bool:
    """Tells whether questions were sampled for a round, so that answers to them are rated in it."""
    sampled = workspace.table(SAMPLED_QUESTIONS).scan(["round"], pc.field("round") == name)
    return any(map(len, sampled))


def question_rounds(workspace: Workspace) -> list[str]:
    """Returns the rounds that have to do with questions, begun or only drawn."""
    begun = {name for name, unit in round_units(workspace).items() if unit.is_of_questions}
    sampled = workspace.table(SAMPLED_QUESTIONS).read(["round"])["round"]
    return sorted(begun | set(pc.unique(sampled).to_pylist()))


def _ratings(name: str) -> Round:
    return Round(
        round=name,
        form=RoundForm.QUEUES,
        unit=AnnotationUnit.RESPONSE,
        first=1,
        most=MOST_RATINGS,
        until=None,
        control_share=1.0,
    )


def in_control(form: Round, image_id: str) -> bool:
    """Tells whether an image's units are asked in full, whatever the first votes say.

    They are chosen by a hash, so that nothing about them differs from the others. In a round whose
    units all get the same number of votes all are.
    """
    return ControlSample(form.round, form.control_share, form.until is not None).has(image_id)
