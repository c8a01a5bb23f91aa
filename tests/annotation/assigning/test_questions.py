"""What has become of a round's questions, against the rules told row by row."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.standings import Standing
from alignbench.schemas.rows.annotation import (
    Annotation,
    Assignment,
    QuarantinedAnnotation,
    Task,
    Withdrawn,
)
from alignbench.schemas.tables import ANNOTATIONS, ASSIGNMENTS, QUARANTINE, TASKS, WITHDRAWN
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AssignmentState,
    Purpose,
    TaskState,
    Verdict,
    WithdrawnKind,
)
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace

NOON = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = [f"s{number}" for number in range(8)]
PEOPLE = ["a@example.org", "b@example.org", "c@example.org"]
ROUNDS = ["1", "2"]
EXCLUDED = PEOPLE[2]
OPEN = AssignmentState.OPEN


def assignment(order: random.Random, unit: str, annotator: str) -> Assignment:
    return Assignment(
        round=order.choice(ROUNDS), unit_id=unit, annotator=annotator,
        unit=AnnotationUnit.SENTENCE, purpose=Purpose.LABEL, wave=1,
        state=order.choice(list(AssignmentState)), version=order.randint(1, 3),
    )  # fmt: skip


def task(order: random.Random, unit: str, annotator: str, number: int) -> Task:
    return Task(
        server="s", project_id=1, task_id=number, sentence_id=unit, round=order.choice(ROUNDS),
        purpose=Purpose.LABEL, state=order.choice(list(TaskState)), version=1,
        assignee=order.choice([annotator, None]),
    )  # fmt: skip


def answer(order: random.Random, unit: str, annotator: str, number: int) -> Annotation:
    return Annotation(
        server="s", project_id=1, annotation_id=number, task_id=number,
        sentence_id=f"{unit}-1" if number % 3 == 0 else unit,
        unit_id=unit if number % 3 == 0 else None,
        round=order.choice(ROUNDS), purpose=order.choice([Purpose.LABEL, Purpose.ADJUDICATE]),
        annotator=annotator, verdict=Verdict.CORRECT, spans=(),
        status=order.choice(list(AnnotationStatus)), flags=(), note=None, preannotated_by=None,
        updated_by=None, text_sha256="", lead_seconds=None, annotated_at=NOON, updated_at=NOON,
    )  # fmt: skip


def doubtful(number: int) -> QuarantinedAnnotation:
    return QuarantinedAnnotation(
        server="s", project_id=1, annotation_id=number, task_id=number, code="AB-A000",
        reason="a test", raw="{}", updated_at=NOON,
    )  # fmt: skip


def some(order: random.Random, share: float) -> Sequence[tuple[str, str, int]]:
    every = [(unit, name) for unit in UNITS for name in PEOPLE]
    return [
        (unit, name, number) for number, (unit, name) in enumerate(every) if order.random() < share
    ]


class Told(NamedTuple):
    """What the rules say of a question."""

    state: AssignmentState
    standing: Standing


def told(workspace: Workspace, name: str) -> dict[tuple[str, str], Told]:
    """The rules, row by row: the highest reply counts; a skip and a void reply fill no place."""
    states = {
        (row.unit_id, row.annotator): row.state
        for row in workspace.table(ASSIGNMENTS).rows()
        if row.round == name
    }
    aside = {row.task_id for row in workspace.table(QUARANTINE).rows()}
    replies: dict[tuple[str, str], list[AnnotationStatus]] = {}
    for sent in workspace.table(TASKS).rows():
        if sent.round == name and sent.assignee is not None:
            question = (sent.sentence_id, sent.assignee)
            if sent.state is TaskState.CONFIRMED:
                states.setdefault(question, AssignmentState.OPEN)
            if sent.task_id in aside:
                replies.setdefault(question, []).append(AnnotationStatus.DELETED)
    for given in workspace.table(ANNOTATIONS).rows():
        if given.round == name and given.purpose is not Purpose.ADJUDICATE:
            question = (given.unit_id or given.sentence_id, given.annotator)
            replies.setdefault(question, []).append(given.status)
    return {key: _told(state, key[1], replies.get(key, [])) for key, state in states.items()}


def _told(state: AssignmentState, name: str, replies: Sequence[AnnotationStatus]) -> Told:
    if AnnotationStatus.SUBMITTED in replies:
        counts = name != EXCLUDED
        return Told(AssignmentState.ANSWERED, Standing.VOTED if counts else Standing.SPENT)
    if replies:
        is_skip = AnnotationStatus.SKIPPED in replies
        return Told(AssignmentState.SKIPPED if is_skip else AssignmentState.CLOSED, Standing.SPENT)
    open_or_closed = {
        AssignmentState.OPEN: Standing.WAITING,
        AssignmentState.CLOSED: Standing.TAKEN_BACK,
    }
    return Told(state, open_or_closed.get(state, Standing.SPENT))


@pytest.mark.parametrize("seed", range(12))
def test_what_became_of_each_question_follows_from_the_newest_rows(
    tmp_path: Path, seed: int
) -> None:
    order = random.Random(seed)
    workspace = Workspace(LocalStore(tmp_path))
    share = order.choice([0.0, 0.5, 1.0])
    workspace.table(ASSIGNMENTS).append(
        [assignment(order, unit, name) for unit, name, _ in some(order, share)], "test"
    )
    workspace.table(TASKS).append([task(order, *found) for found in some(order, 0.7)], "test")
    workspace.table(ANNOTATIONS).append(
        [answer(order, *found) for found in some(order, 0.6)], "test"
    )
    if seed % 2:
        workspace.table(QUARANTINE).append([doubtful(n) for _, _, n in some(order, 0.3)], "test")
    out = Withdrawn(kind=WithdrawnKind.ANNOTATOR, id=EXCLUDED, reason="a test", version=1)
    workspace.table(WITHDRAWN).append([out], "test")
    for name in ROUNDS:
        questions = RoundQuestions(workspace, name, pa.array(UNITS[::2]))
        found = [(row["unit_id"], row["annotator"]) for row in questions.table().to_pylist()]
        states = [AssignmentState(one) for one in questions.table()["state"].to_pylist()]
        standings = [Standing(one) for one in questions.standings().tolist()]
        rules = told(workspace, name)
        assert len(set(found)) == len(found)
        assert dict(zip(found, map(Told, states, standings), strict=True)) == rules
        assert questions.unit_ids.to_pylist()[: len(UNITS[::2])] == UNITS[::2]
        for person in PEOPLE:
            is_open = {u for (u, n), one in rules.items() if (n, one.state) == (person, OPEN)}
            assert questions.open_of(person) == is_open
