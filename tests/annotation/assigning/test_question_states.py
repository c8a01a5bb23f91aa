"""What has become of a round's questions is the same in columns as row by row."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alignbench.annotation.assigning.question_states import question_states
from alignbench.annotation.assigning.standings import RoundStandings
from alignbench.schemas.rows import Annotation, Assignment, QuarantinedAnnotation, Task
from alignbench.schemas.tables import ANNOTATIONS, ASSIGNMENTS, QUARANTINE, TASKS
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AssignmentState,
    Purpose,
    TaskState,
    Verdict,
)
from alignbench.workspace.local import LocalStore
from alignbench.workspace.workspace import Workspace

NOON = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = [f"s{number}" for number in range(8)]
PEOPLE = ["a@example.org", "b@example.org", "c@example.org"]
ROUNDS = ["1", "2"]


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


@pytest.mark.parametrize("seed", range(12))
def test_columns_say_what_rows_say(tmp_path: Path, seed: int) -> None:
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
    for name in ROUNDS:
        found = question_states(workspace, name).to_pylist()
        states = {(row["unit_id"], row["annotator"]): row["state"] for row in found}
        assert len(states) == len(found)
        rows = RoundStandings(Workspace(workspace.store), name).rows
        assert states == {(q.unit_id, q.annotator): row.state.value for q, row in rows.items()}
