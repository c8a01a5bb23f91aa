"""The rows of the tables of questions, answers, judgements and ratings, one class each."""

from dataclasses import dataclass

from alignbench.schemas.columns import Bool, Instant, Int, Long, Real, Str
from alignbench.schemas.vocabulary import AnnotationStatus, Meaning, Purpose, VariantStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An earlier turn of a conversation: what the user said, and what was answered."""

    user: Str
    assistant: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about an image, as it was imported.

    Questions of one `cluster` are equal ones in other words: they share task, image and reference.
    `image_id` is null until the image itself was imported. `quirks` names what is odd about the
    entry (see `judging.questions.quirks`); nothing of it was changed.
    """

    question_id: Str
    source: Str
    cluster: Str
    variant: Str
    task: Str
    category: Str
    language: Str
    image_name: Str
    image_id: Str | None
    history: tuple[Turn, ...]
    prompt: Str
    reference: Str
    quirks: tuple[Str, ...]
    version: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A question in other words, written by a model; a refused one has why.

    It shares cluster, task, image, history and reference with the question `question_id`. What
    people say of it stands in `variant_checks`, and is no part of this row: see
    `schemas.variant_decisions`.
    """

    variant_id: Str
    question_id: Str
    generator_id: Str
    style: Str
    sample_index: Int
    prompt: Str
    status: VariantStatus
    code: Str | None
    message: Str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A model's answer. `asked_id` is a question's id or a variant's."""

    response_id: Str
    asked_id: Str
    generator_id: Str
    model: Str
    blind: Bool
    sample_index: Int
    text: Str
    text_sha256: Str
    seed: Long | None
    finish_reason: Str | None
    engine: Str | None
    prompt_tokens: Int | None
    completion_tokens: Int | None
    seconds: Real | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A model that rates answers, with all that it is told beside them.

    `rubric` is the rubric's label, and `rubric_text` its content as JSON. `task_notes` is a JSON
    object of what it is told of each task.
    """

    judge_id: Str
    name: Str
    generator_id: Str
    rubric: Str
    rubric_text: Str
    task_notes: Str
    system_turn: Bool
    structured: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A judge's score of an answer. An answer that the judge could not score is a failure."""

    judgement_id: Str
    response_id: Str
    judge_id: Str
    model: Str
    rubric: Str
    draw: Int
    score: Real
    reason: Str | None
    reply: Str
    engine: Str | None
    prompt_tokens: Int | None
    completion_tokens: Int | None
    seconds: Real | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A person's score of an answer, as it stood on the server at `updated_at`.

    The answer's question was drawn for rating with `probability`; 0 for gold, which was not drawn.
    `purpose` is null in rows that no page of this program brought in: they count.
    """

    server: Str
    project_id: Long
    annotation_id: Long
    response_id: Str
    round: Str
    annotator: Str
    rating: Real | None
    reason: Str | None
    status: AnnotationStatus
    probability: Real
    lead_seconds: Real | None
    updated_at: Instant
    task_id: Long | None = None
    purpose: Purpose | None = None
    flags: tuple[Str, ...] = ()
    updated_by: Str | None = None
    text_sha256: Str | None = None
    annotated_at: Instant | None = None
    guideline_id: Str | None = None
    label_schema_id: Str | None = None

    @property
    def counts(self) -> bool:
        """Whether it says what its rater thinks, of an answer whose rating is not known."""
        is_given = self.status is AnnotationStatus.SUBMITTED and self.rating is not None
        return is_given and self.purpose is not Purpose.GOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldRating:
    """An answer whose rating is known, to measure raters with."""

    response_id: Str
    rating: Real
    source: Str
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCheck:
    """What a person says of a question in other words, as it stood on the server at `updated_at`.

    `text_sha256` is that of the question in other words.
    """

    server: Str
    project_id: Long
    annotation_id: Long
    variant_id: Str
    task_id: Long
    round: Str
    purpose: Purpose
    annotator: Str
    meaning: Meaning | None
    reason: Str | None
    status: AnnotationStatus
    flags: tuple[Str, ...]
    updated_by: Str | None
    text_sha256: Str
    lead_seconds: Real | None
    annotated_at: Instant
    updated_at: Instant
    guideline_id: Str | None = None
    label_schema_id: Str | None = None

    @property
    def counts(self) -> bool:
        """Whether it says what somebody thinks, of a variant of which that is not known."""
        is_given = self.status is AnnotationStatus.SUBMITTED and self.meaning is not None
        return is_given and self.purpose is not Purpose.GOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldVariant:
    """A question in other words of which it is known whether it means the same."""

    variant_id: Str
    meaning: Meaning
    source: Str
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledQuestion:
    """A question that a sample for people to rate was drawn from, drawn or not.

    Every question of the sample's population has a row, so that figures from the ratings know what
    each drawn one stands for. `unit` is what was drawn: a question's id, or a cluster.
    """

    round: Str
    asked_id: Str
    stratum: Int
    unit: Str
    probability: Real
    drawn: Bool
