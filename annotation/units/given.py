"""An answer whose author, task and times have been checked: its result is left to be read."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from typing_extensions import TypeIs

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.records import JsonObject, as_object
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.annotation import Annotation, QuarantinedAnnotation
from alignbench.schemas.rows.questions import Rating, VariantCheck
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AnswerFlag,
    Purpose,
    Verdict,
)

AnswerRow = Annotation | Rating | VariantCheck
"""A row that is read from an answer and believed."""


def is_believed(row: AnswerRow | QuarantinedAnnotation) -> TypeIs[AnswerRow]:
    """Tells whether a row that was read from an answer is not one for quarantine."""
    return not isinstance(row, QuarantinedAnnotation)


def subject_of(row: AnswerRow) -> str:
    """Returns the id of what a row is about: a sentence, a model's answer or a variant."""
    match row:
        case Rating():
            return row.response_id
        case VariantCheck():
            return row.variant_id
        case Annotation():
            return row.sentence_id


class Doubtful(Exception):  # noqa: N818 - not an error: it carries the reason to quarantine
    """An answer, or a part of one, cannot be believed."""

    def __init__(self, doubt: Doubt, reason: str) -> None:
        """Notes why.

        Args:
            doubt: The code in table `quarantine`.
            reason: What is wrong with it.
        """
        super().__init__(reason)
        self.doubt = doubt
        self.reason = reason


class CaptionAsked(NamedTuple):
    """A caption that was asked about at once: its id, and how many sentences it has."""

    unit_id: str
    sentences: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """What is known of an answer before its result is read.

    Attributes:
        server: Identity of the server.
        project_id: Its project.
        annotation_id: Its id.
        task_id: The task that it was given to.
        round: The round of its task.
        purpose: Why its task was sent.
        annotator: Who gave it.
        updated_by: Who saved it last, if the server says.
        preannotated_by: What it began with, if with anything.
        skipped: Whether it is a skip.
        note: The annotator's note.
        flags: What was put right in the note.
        lead_seconds: How long it took, if the server says.
        annotated_at: When it was given.
        updated_at: When it was saved last.
        result: What the page saved, as it came: nothing of it has been checked.
        raw: All its JSON.
    """

    server: str
    project_id: int
    annotation_id: int
    task_id: int
    round: str
    purpose: Purpose
    annotator: str
    updated_by: str | None
    preannotated_by: str | None
    skipped: bool
    note: str | None
    flags: tuple[AnswerFlag, ...]
    lead_seconds: float | None
    annotated_at: datetime
    updated_at: datetime
    result: object
    raw: str

    def values(self, control: str) -> list[JsonObject]:
        """Returns the values that the page saved for one of its controls.

        Raises:
            Doubtful: The result is not one of the page.
        """
        return control_values(self.result, control)

    def set_aside(
        self, doubt: Doubt, reason: str, sentence_ids: tuple[str, ...] = ()
    ) -> QuarantinedAnnotation:
        """Returns the row that keeps it, where not all of it can be believed.

        Args:
            doubt: Why.
            reason: The same in words.
            sentence_ids: What is in doubt; everything if empty.
        """
        return QuarantinedAnnotation(
            server=self.server,
            project_id=self.project_id,
            annotation_id=self.annotation_id,
            task_id=self.task_id,
            code=doubt,
            reason=clean_text(reason).text,
            raw=self.raw,
            updated_at=self.updated_at,
            sentence_ids=sentence_ids,
        )

    def about(
        self,
        sentence_id: str,
        text: str,
        *,
        caption: CaptionAsked | None = None,
        verdict: Verdict | None = None,
        spans: tuple[Span, ...] = (),
        flags: tuple[AnswerFlag, ...] = (),
    ) -> Annotation:
        """Returns the row of what it says about a sentence; a skip says nothing.

        Args:
            sentence_id: The sentence.
            text: Its text.
            caption: The unit, if it was more than this sentence.
            verdict: What it says.
            spans: What it marks.
            flags: What was put right in it.
        """
        seconds, sentences = self.lead_seconds, 1 if caption is None else caption.sentences
        return Annotation(
            server=self.server,
            project_id=self.project_id,
            annotation_id=self.annotation_id,
            sentence_id=sentence_id,
            task_id=self.task_id,
            round=self.round,
            purpose=self.purpose,
            annotator=self.annotator,
            verdict=verdict,
            spans=spans,
            status=AnnotationStatus.SKIPPED if self.skipped else AnnotationStatus.SUBMITTED,
            note=self.note,
            flags=tuple(dict.fromkeys([*flags, *self.flags])),
            preannotated_by=self.preannotated_by,
            updated_by=self.updated_by,
            text_sha256=text_sha256(text),
            lead_seconds=None if seconds is None else seconds / sentences,
            annotated_at=self.annotated_at,
            updated_at=self.updated_at,
            unit=AnnotationUnit.SENTENCE if caption is None else AnnotationUnit.CAPTION,
            unit_id=None if caption is None else caption.unit_id,
        )


def control_values(result: object, control: str) -> list[JsonObject]:
    """Returns the values that a result has for one control of the page.

    Raises:
        Doubtful: It is not a list of objects.
    """
    if not isinstance(result, list):
        raise Doubtful(Doubt.MALFORMED, "It has no list of results.")
    values: list[JsonObject] = []
    for item in result:
        entry = as_object(item)
        if entry is None:
            raise Doubtful(Doubt.MALFORMED, "One of its results is not an object.")
        if entry.get("from_name") == control:
            values.append(as_object(entry.get("value")) or {})
    return values


def chosen_choices(given: GivenAnswer, control: str) -> set[str]:
    """Returns what an answer has chosen in a control; what is no text is shown as what it is.

    Raises:
        Doubtful: The result is not one of the page.
    """
    chosen: list[object] = []
    for value in given.values(control):
        choices = value.get("choices")
        chosen += choices if isinstance(choices, list) else [choices]
    return {choice if isinstance(choice, str) else f"({choice!r})" for choice in chosen}


def note_of(result: object, control: str) -> tuple[str | None, tuple[AnswerFlag, ...]]:
    """Returns the note that a result has in a control, and what was put right in it.

    Raises:
        Doubtful: The result is not one of the page.
    """
    if not isinstance(result, list):  # a skip may have no result at all
        return None, ()
    parts: list[str] = []
    for value in control_values(result, control):
        text = value.get("text")
        lines = text if isinstance(text, list) else [text]
        parts += [line for line in lines if isinstance(line, str)]
    cleaned = clean_text("\n".join(parts))
    flags = (AnswerFlag.NOTE_CLEANED,) if cleaned.removed else ()
    return cleaned.text.strip() or None, flags
