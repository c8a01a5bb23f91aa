"""From an answer as the server sends it to rows, or to quarantine: nothing is believed unproved.

Everything in an answer may be missing, of another type, or made up. What is doubtful goes to
quarantine with its JSON and a code from `annotation.errors.Doubt`; what is merely untidy is put
right and flagged (`AnswerFlag`). Here stands what is the same for every unit; what an answer says
is read by its unit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.page import NOTE
from alignbench.annotation.label_studio.records import (
    JsonObject,
    RawAnswer,
    as_id,
    as_instant,
    as_object,
    as_user_id,
)
from alignbench.annotation.units.given import AnswerRow, Doubtful, GivenAnswer, note_of
from alignbench.annotation.units.unit import UnitContent
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import Purpose


@dataclass(frozen=True, slots=True)
class SentTask:
    """What this workspace sent, and an answered task must therefore be about.

    `suggested_by` is what a page that begins with something has it from, such as the detector whose
    suggestions its round shows; `may_answer` is who was asked:
    the annotator whose queue it is in, or the adjudicators; None if anybody may answer.
    """

    content: UnitContent
    round: str
    purpose: Purpose
    suggested_by: str | None = None
    may_answer: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class TaskOnServer:
    """The task that an answer was given to.

    Attributes:
        server: Identity of the server.
        project_id: Its project.
        task_id: Its id.
        updated_at: When the server last changed it.
        data: What it shows, as the server sends it.
        sent: What was sent; None if this workspace sent no such task.
    """

    server: str
    project_id: int
    task_id: int
    updated_at: datetime
    data: object
    sent: SentTask | None

    def version_of(self, answer: RawAnswer) -> datetime:
        """Returns when an answer to it was last saved; if it does not say, when the task was."""
        return answer.saved_at or self.updated_at


def validate(
    answer: RawAnswer,
    task: TaskOnServer,
    annotators: Mapping[int, str],
    *,
    whoever_saved_it: bool = False,
) -> list[AnswerRow | QuarantinedAnnotation]:
    """Turns one answer into rows, at least one; never raises, whatever the answer is.

    Args:
        answer: What the server sent.
        task: The task it was given to.
        annotators: Names of users by their id; a user without one is `user-<id>`.
        whoever_saved_it: Believe it although somebody else saved it last.
    """
    try:
        return _rows(answer, task, annotators, whoever_saved_it)
    except Doubtful as doubtful:
        return [_quarantined(answer, task, doubtful)]


def annotator_name(user_id: int, annotators: Mapping[int, str]) -> str:
    """Returns the name of a user: what is known of it, or else `user-<id>`."""
    return annotators.get(user_id, f"user-{user_id}")


def _rows(
    answer: RawAnswer, task: TaskOnServer, annotators: Mapping[int, str], whoever_saved_it: bool
) -> list[AnswerRow | QuarantinedAnnotation]:
    fields = as_object(answer.content)
    if fields is None or answer.answer_id < 0:
        raise Doubtful(Doubt.MALFORMED, "It is not an object with an id.")
    sent = _checked_task(task)
    annotator_id, editor_id = _authors(answer, fields)
    if not whoever_saved_it and editor_id not in (None, annotator_id):
        reason = f"User {editor_id} saved the answer of user {annotator_id}."
        raise Doubtful(Doubt.EDITED, reason)
    _check_asked(annotator_name(annotator_id, annotators), sent)
    skipped = fields.get("was_cancelled")
    if not isinstance(skipped, bool):
        raise Doubtful(Doubt.MALFORMED, "It does not say whether it is a skip.")
    note, flags = note_of(fields.get("result"), NOTE)
    given = GivenAnswer(
        server=task.server,
        project_id=task.project_id,
        annotation_id=answer.answer_id,
        task_id=task.task_id,
        round=sent.round,
        purpose=sent.purpose,
        annotator=annotator_name(annotator_id, annotators),
        updated_by=None if editor_id is None else annotator_name(editor_id, annotators),
        preannotated_by=_preannotator(fields, sent.suggested_by),
        skipped=skipped,
        note=note,
        flags=flags,
        lead_seconds=_lead_seconds(fields.get("lead_time")),
        annotated_at=_time("created_at", as_instant(fields.get("created_at"))),
        updated_at=_time("updated_at", answer.saved_at),
        result=fields.get("result"),
        raw=answer.text,
    )
    return sent.content.rows(given)


def _checked_task(task: TaskOnServer) -> SentTask:
    sent = task.sent
    if sent is None:
        raise Doubtful(Doubt.UNKNOWN_TASK, f"Task {task.task_id} was not sent from here.")
    shown = as_object(task.data) or {}
    for name, value in sent.content.shown().items():
        if shown.get(name) != value:
            raise Doubtful(
                Doubt.CHANGED_TASK, f"{name} of task {task.task_id} is not what was sent."
            )
    return sent


def _check_asked(annotator: str, sent: SentTask) -> None:
    if sent.may_answer is not None and annotator not in sent.may_answer:
        asked = ", ".join(sorted(sent.may_answer))
        raise Doubtful(Doubt.NOT_ASKED, f"{annotator} answered what {asked} is asked.")


def _authors(answer: RawAnswer, fields: JsonObject) -> tuple[int, int | None]:
    """Gives the ids of who gave the answer and of who saved it last, if the server says."""
    annotator, editor = answer.user_id, as_user_id(fields.get("updated_by"))
    if annotator is None:
        raise Doubtful(Doubt.MALFORMED, "It does not say whose it is.")
    if editor is None and fields.get("updated_by") is not None:
        raise Doubtful(Doubt.MALFORMED, "It does not say who saved it last.")
    return annotator, editor


def _preannotator(fields: JsonObject, suggested_by: str | None) -> str | None:
    """Gives what the answer started from: the detector, a prediction's model, or its number."""
    prediction = as_object(fields.get("prediction")) or {}
    model = prediction.get("model_version")
    number = as_id(fields.get("parent_prediction"))
    if suggested_by is not None and (prediction or number is not None):
        return suggested_by
    if isinstance(model, str) and clean_text(model).text:
        return clean_text(model).text
    return None if number is None else f"prediction-{number}"


def _lead_seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _time(name: str, instant: datetime | None) -> datetime:
    if instant is None:
        raise Doubtful(Doubt.MALFORMED, f"Its {name} is not a time.")
    return instant


def _quarantined(
    answer: RawAnswer, task: TaskOnServer, doubtful: Doubtful
) -> QuarantinedAnnotation:
    return QuarantinedAnnotation(
        server=task.server,
        project_id=task.project_id,
        annotation_id=answer.answer_id,
        task_id=task.task_id,
        code=doubtful.doubt,
        reason=clean_text(doubtful.reason).text,
        raw=answer.text,
        updated_at=task.version_of(answer),
    )
