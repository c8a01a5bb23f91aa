"""Rows of what people are asked and what they answer."""

from dataclasses import dataclass

from alignbench.schemas.columns import Bool, Instant, Int, Long, Real, Str
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AssignmentState,
    Purpose,
    RoundForm,
    TaskState,
    Verdict,
    WithdrawnKind,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A unit on a Label Studio server; `task_id` is null while it is only intended.

    `sentence_id` is the unit's id, whatever the unit of its round is. `assignee` is the annotator
    whose project it is in, where each has a project of their own.
    """

    server: Str
    project_id: Long
    task_id: Long | None
    sentence_id: Str
    round: Str
    purpose: Purpose
    state: TaskState
    version: Long
    assignee: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSentence:
    """A sentence that was chosen for a round, and why; `stratum` is what it was drawn from.

    In a round of ratings `sentence_id` is a response's id: such a row is gold. In a round that
    checks questions in other words it is a variant's.
    """

    round: Str
    sentence_id: Str
    purpose: Purpose
    stratum: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How a round was begun, which it keeps.

    `first` votes are asked for on every unit; of those in doubt, further ones up to `most`, until a
    label's confidence is `until` (null: nothing is ever in doubt). `control_share` is the share of
    images whose units are asked in full all the same.
    """

    round: Str
    form: RoundForm
    unit: AnnotationUnit
    first: Int
    most: Int
    until: Real | None
    control_share: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A question put to an annotator: one unit of a round. Written before its task is sent.

    `unit_id` is the id of a sentence, a caption (`ids.caption_id`), a response or a variant. `wave`
    counts from 1: 1 for the votes that every unit gets, higher for those that a doubt asked for.
    """

    round: Str
    unit_id: Str
    annotator: Str
    unit: AnnotationUnit
    purpose: Purpose
    wave: Int
    state: AssignmentState
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedAnnotator:
    """Whether an annotator gets no further work for now; the highest version counts."""

    annotator: Str
    paused: Bool
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What one annotator's answer says of a sentence, as it stood on the server at `updated_at`.

    An answer to a unit of several sentences is a row for each, with the same `annotation_id`;
    `lead_seconds` is then the sentence's share of the time that the answer took. `unit_id` is null
    where the unit is the sentence itself; `unit` is null in rows of earlier versions, where it was
    too.
    """

    server: Str
    project_id: Long
    annotation_id: Long
    sentence_id: Str
    task_id: Long
    round: Str
    purpose: Purpose
    annotator: Str
    verdict: Verdict | None
    spans: tuple[Span, ...]
    status: AnnotationStatus
    flags: tuple[Str, ...]
    note: Str | None
    preannotated_by: Str | None
    updated_by: Str | None
    text_sha256: Str
    lead_seconds: Real | None
    annotated_at: Instant
    updated_at: Instant
    unit: AnnotationUnit | None = None
    unit_id: Str | None = None
    guideline_id: Str | None = None
    label_schema_id: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidelines:
    """A wording of what annotators read, and its JSON."""

    guideline_id: Str
    language: Str
    texts: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationProject:
    """What a project on a server was set up with, which it keeps."""

    server: Str
    project_id: Long
    round: Str
    guideline_id: Str
    label_schema_id: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedAnnotation:
    """An answer that could not be believed, with its raw JSON: kept, and used for nothing.

    `sentence_ids` are the sentences of a caption of which it is not believed what it says; empty if
    that is so of all it says.
    """

    server: Str
    project_id: Long
    annotation_id: Long
    task_id: Long
    code: Str
    reason: Str
    raw: Str
    updated_at: Instant
    sentence_ids: tuple[Str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSuggestions:
    """Whose scores of words a round shows to its annotators as suggestions.

    A word whose score is below `word_threshold` is suggested as wrong.
    """

    round: Str
    detector: Str
    detector_id: Str
    word_threshold: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """A sentence whose answer is known, to measure annotators with."""

    sentence_id: Str
    verdict: Verdict
    spans: tuple[Span, ...]
    source: Str
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """An image or an annotator (`kind`) whose data is used no more.

    `keeps_answers` tells an annotator whose answers an operator excluded from one who withdrew:
    what the latter answered is not kept. `revoked`: it no longer holds; an exclusion was undone.
    """

    kind: WithdrawnKind
    id: Str
    reason: Str
    version: Long
    keeps_answers: Bool | None = None
    revoked: Bool | None = None
