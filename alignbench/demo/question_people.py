"""Simulated people who rate the answers to a sample of the demo's questions."""

from datetime import UTC, datetime
from typing import Final

from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.questions import selected_questions
from alignbench.scenes.planned_answers import person_rating
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.tables import RATINGS, RESPONSES, SAMPLED_QUESTIONS
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose

RATERS: Final = {"ada@demo.invalid": 0.0, "ben@demo.invalid": 0.5, "cleo@demo.invalid": -0.5}
"""The raters, and by how many points each rates lower than most."""
_TWICE: Final = 5
"""Of so many images, two people rate the answers about one."""
_WHEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SERVER: Final = "simulated"


def rate_everything(address: str) -> int:
    """Rates each model's answers to the sampled questions; returns how many ratings there are.

    The answers about an image are one person's, so that everybody rates all models.
    """
    run = open_run(address)
    asked = selected_questions(run)
    sampled = {row.asked_id: row for row in run.workspace.table(SAMPLED_QUESTIONS).rows()}
    names = list(RATERS)
    rows: list[Rating] = []
    for response in run.workspace.table(RESPONSES).rows():
        sample = sampled.get(response.asked_id)
        if response.blind or sample is None or not sample.drawn:
            continue
        question = asked[response.asked_id].question
        place = int(sha256_hex((question.image_id or "").encode())[:8], 16)
        first = place % len(names)
        people = [names[first]]
        if place // len(names) % _TWICE == 0:
            people.append(names[(first + 1) % len(names)])
        for name in people:
            rating = person_rating(name, RATERS[name], response.text, question.reference)
            key = sha256_hex(f"{name} {response.response_id}".encode())
            rows.append(
                Rating(
                    server=_SERVER,
                    project_id=1,
                    annotation_id=int(key[:12], 16),
                    response_id=response.response_id,
                    round=sample.round,
                    annotator=name,
                    rating=float(rating),
                    reason=None,
                    status=AnnotationStatus.SUBMITTED,
                    probability=sample.probability,
                    lead_seconds=None,
                    updated_at=_WHEN,
                    purpose=Purpose.LABEL,
                )
            )
    known = {(row.annotation_id, row.annotator) for row in run.workspace.table(RATINGS).rows()}
    new = [row for row in rows if (row.annotation_id, row.annotator) not in known]
    run.workspace.table(RATINGS).append(new, run.run_id)
    return len(rows)
