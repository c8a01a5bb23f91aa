"""From an answer as the server sends it to a row, or to quarantine: nothing is believed unproved.

Everything in an answer may be missing, of another type, or made up. What is doubtful goes to
quarantine with its JSON and a code from `annotation.errors.Doubt`; what is merely untidy is put
right and flagged (`AnswerFlag`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.page import NOTE, VERDICT
from alignbench.annotation.label_studio.page import SPANS as SPANS_CONTROL
from alignbench.annotation.label_studio.records import (
    JsonObject,
    RawAnswer,
    as_id,
    as_instant,
    as_object,
    as_user_id,
)
from alignbench.annotation.pulling.marked_spans import SpanDoubt, merged_spans, read_span
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows import Annotation, QuarantinedAnnotation, Span
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import AnnotationStatus, AnswerFlag, Purpose, Verdict


@dataclass(frozen=True, slots=True)
class SentTask:
    """What this workspace sent, and an answered task must therefore be about.

    `suggested_by` is the detector whose suggestions its round shows, `may_answer` who was asked:
    the annotator whose queue it is in, or the adjudicators; None if anybody may answer.
    """

    sentence_id: str
    text: str
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


class _Doubtful(Exception):  # noqa: N818 - not an error: it carries the reason to quarantine
    def __init__(self, doubt: Doubt, reason: str) -> None:
        super().__init__(reason)
        self.doubt = doubt
        self.reason = reason


def validate(
    answer: RawAnswer,
    task: TaskOnServer,
    annotators: Mapping[int, str],
    *,
    whoever_saved_it: bool = False,
) -> Annotation | QuarantinedAnnotation:
    """Turns one answer into a row; never raises, whatever the answer is.

    Args:
        answer: What the server sent.
        task: The task it was given to.
        annotators: Names of users by their id; a user without one is `user-<id>`.
        whoever_saved_it: Believe it although somebody else saved it last.
    """
    try:
        return _annotation(answer, task, annotators, whoever_saved_it)
    except _Doubtful as doubtful:
        return _quarantined(answer, task, doubtful)


def annotator_name(user_id: int, annotators: Mapping[int, str]) -> str:
    """Returns the name of a user: what is known of it, or else `user-<id>`."""
    return annotators.get(user_id, f"user-{user_id}")


def _annotation(
    answer: RawAnswer, task: TaskOnServer, annotators: Mapping[int, str], whoever_saved_it: bool
) -> Annotation:
    fields = as_object(answer.content)
    if fields is None or answer.answer_id < 0:
        raise _Doubtful(Doubt.MALFORMED, "It is not an object with an id.")
    sent = _checked_task(task)
    annotator_id, editor_id = _authors(answer, fields)
    if not whoever_saved_it and editor_id not in (None, annotator_id):
        reason = f"User {editor_id} saved the answer of user {annotator_id}."
        raise _Doubtful(Doubt.EDITED, reason)
    _check_asked(annotator_name(annotator_id, annotators), sent)
    skipped = fields.get("was_cancelled")
    if not isinstance(skipped, bool):
        raise _Doubtful(Doubt.MALFORMED, "It does not say whether it is a skip.")
    flags: list[AnswerFlag] = []
    verdict, spans = (None, ()) if skipped else _verdict_and_spans(fields, sent.text, flags)
    return Annotation(
        server=task.server,
        project_id=task.project_id,
        annotation_id=answer.answer_id,
        sentence_id=sent.sentence_id,
        task_id=task.task_id,
        round=sent.round,
        purpose=sent.purpose,
        annotator=annotator_name(annotator_id, annotators),
        verdict=verdict,
        spans=spans,
        status=AnnotationStatus.SKIPPED if skipped else AnnotationStatus.SUBMITTED,
        note=_note(fields, flags),
        flags=tuple(dict.fromkeys(flags)),
        preannotated_by=_preannotator(fields, sent.suggested_by),
        updated_by=None if editor_id is None else annotator_name(editor_id, annotators),
        text_sha256=text_sha256(sent.text),
        lead_seconds=_lead_seconds(fields.get("lead_time")),
        annotated_at=_time("created_at", as_instant(fields.get("created_at"))),
        updated_at=_time("updated_at", answer.saved_at),
    )


def _checked_task(task: TaskOnServer) -> SentTask:
    sent = task.sent
    if sent is None:
        raise _Doubtful(Doubt.UNKNOWN_TASK, f"Task {task.task_id} was not sent from here.")
    shown = as_object(task.data) or {}
    promised = {
        "sentence_id": sent.sentence_id,
        "sentence": sent.text,
        "text_sha256": text_sha256(sent.text),
    }
    for name, value in promised.items():
        if shown.get(name) != value:
            raise _Doubtful(
                Doubt.CHANGED_TASK, f"{name} of task {task.task_id} is not what was sent."
            )
    return sent


def _check_asked(annotator: str, sent: SentTask) -> None:
    if sent.may_answer is not None and annotator not in sent.may_answer:
        asked = ", ".join(sorted(sent.may_answer))
        raise _Doubtful(Doubt.NOT_ASKED, f"{annotator} answered what {asked} is asked.")


def _authors(answer: RawAnswer, fields: JsonObject) -> tuple[int, int | None]:
    """Gives the ids of who gave the answer and of who saved it last, if the server says."""
    annotator, editor = answer.user_id, as_user_id(fields.get("updated_by"))
    if annotator is None:
        raise _Doubtful(Doubt.MALFORMED, "It does not say whose it is.")
    if editor is None and fields.get("updated_by") is not None:
        raise _Doubtful(Doubt.MALFORMED, "It does not say who saved it last.")
    return annotator, editor


def _verdict_and_spans(
    fields: JsonObject, sentence: str, flags: list[AnswerFlag]
) -> tuple[Verdict, tuple[Span, ...]]:
    verdict = _verdict(fields)
    marks = _values(fields, SPANS_CONTROL)
    if verdict is not Verdict.INCORRECT:
        flags += [AnswerFlag.SPANS_DROPPED] if marks else []
        return verdict, ()
    if not marks:
        flags.append(AnswerFlag.SPANS_MISSING)
        return verdict, ()
    try:
        proved = [read_span(mark, sentence) for mark in marks]
    except SpanDoubt as error:
        raise _Doubtful(error.doubt, error.reason) from None
    flags += [AnswerFlag.OFFSETS_REPAIRED] if any(mark.repaired for mark in proved) else []
    given = [span for mark in proved for span in mark.spans]
    spans = merged_spans(given, sentence)
    flags += [AnswerFlag.SPANS_MERGED] if len(spans) < len(given) else []
    return verdict, spans


def _verdict(fields: JsonObject) -> Verdict:
    chosen: list[object] = []
    for value in _values(fields, VERDICT):
        choices = value.get("choices")
        chosen += choices if isinstance(choices, list) else [choices]
    words = {choice if isinstance(choice, str) else repr(choice) for choice in chosen}
    if len(words) != 1:
        verdicts = f"{len(words)} verdicts" if words else "no verdict"
        raise _Doubtful(Doubt.UNKNOWN_VERDICT, f"It has {verdicts}.")
    word = words.pop()
    if word not in list(Verdict):
        raise _Doubtful(Doubt.UNKNOWN_VERDICT, f"{word[:40]!r} is not a verdict.")
    return Verdict(word)


def _values(fields: JsonObject, control: str) -> list[JsonObject]:
    """Gives the values that the answer has for one control of the page."""
    result = fields.get("result")
    if not isinstance(result, list):
        raise _Doubtful(Doubt.MALFORMED, "It has no list of results.")
    values: list[JsonObject] = []
    for item in result:
        entry = as_object(item)
        if entry is None:
            raise _Doubtful(Doubt.MALFORMED, "One of its results is not an object.")
        if entry.get("from_name") == control:
            values.append(as_object(entry.get("value")) or {})
    return values


def _note(fields: JsonObject, flags: list[AnswerFlag]) -> str | None:
    if not isinstance(fields.get("result"), list):  # a skip may have no result at all
        return None
    parts: list[str] = []
    for value in _values(fields, NOTE):
        text = value.get("text")
        lines = text if isinstance(text, list) else [text]
        parts += [line for line in lines if isinstance(line, str)]
    cleaned = clean_text("\n".join(parts))
    flags += [AnswerFlag.NOTE_CLEANED] if cleaned.removed else []
    return cleaned.text.strip() or None


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
        raise _Doubtful(Doubt.MALFORMED, f"Its {name} is not a time.")
    return instant


def _quarantined(
    answer: RawAnswer, task: TaskOnServer, doubtful: _Doubtful
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
