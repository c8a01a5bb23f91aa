"""The rows of every table, one class each. Ids are in `schemas.ids`, words in `vocabulary`.

`created_at` (UTC, microseconds) and `run_id` are stamped on every row when its part is written;
they are not fields here. Offsets are Unicode code points, half-open:
`text[start:end] == span.text`.
"""

from dataclasses import dataclass

from alignbench.schemas.columns import Bool, Instant, Int, Long, Real, Str
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AssignmentState,
    Direction,
    FailureKind,
    HallucinationType,
    ImageType,
    Purpose,
    RoundForm,
    ScoreStatus,
    StageName,
    TaskState,
    Verdict,
    WithdrawnKind,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A range of a sentence that is wrong, and how. Offsets are relative to the sentence."""

    start: Int
    end: Int
    type: HallucinationType
    text: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedSpan:
    """A wrong range that the annotators agreed on, with how many of them marked it."""

    start: Int
    end: Int
    type: HallucinationType
    text: Str
    votes: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class WordScore:
    """A detector's score of one word; lower is more suspicious."""

    start: Int
    end: Int
    score: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One place an image came from. An image found in two sources has two origins."""

    origin_id: Str
    image_id: Str
    source: Str
    locator: Str
    image_name: Str
    image_url: Str | None = None
    license: Str | None = None
    redistributable: Bool | None = None
    domain: Str | None = None
    caption: Str | None = None
    caption_model: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by content: `image_id` is the SHA-256 of the stored bytes."""

    image_id: Str
    image_type: ImageType
    width: Int
    height: Int
    format: Str
    blob: Str
    perceptual_hash: Str
    normalised: tuple[Str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A text that images are made from."""

    prompt_id: Str
    text: Str
    origin: Str
    concepts: tuple[Str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A model with everything that is sent to it. `params` is canonical JSON."""

    generator_id: Str
    direction: Direction
    model: Str
    family: Str
    backend: Str
    repo: Str
    revision: Str | None
    requested_revision: Str | None
    instruction: Str | None
    params: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An image and a text: a caption written for it (i2t) or the prompt it was made from (t2i)."""

    pair_id: Str
    generator_id: Str
    direction: Direction
    model: Str
    image_id: Str
    prompt_id: Str | None
    sample_index: Int
    text: Str
    text_sha256: Str
    seed: Long
    finish_reason: Str | None
    engine: Str
    prompt_tokens: Int | None
    completion_tokens: Int | None
    seconds: Real | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitter:
    """A sentence splitter that this workspace uses; the highest version is the frozen one."""

    splitter_id: Str
    model: Str
    model_version: Str
    rules_version: Int
    version: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a pair's text: the unit of annotation. `sentence_index` counts from 0."""

    sentence_id: Str
    pair_id: Str
    generator_id: Str
    direction: Direction
    model: Str
    image_id: Str
    prompt_id: Str | None
    text_sha256: Str
    sentence_index: Int
    text: Str
    start: Int
    end: Int
    splitter_id: Str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """One computation of labels; the highest version is the current one. `options` is JSON.

    `name` is what its operator calls it; a set without one goes by its id.
    """

    label_set_id: Str
    method: Str
    options: Str
    answers_sha256: Str
    sentences: Long
    version: Long
    name: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the annotators of a sentence said together."""

    label_set_id: Str
    sentence_id: Str
    verdict: Verdict
    confidence: Real
    n_correct: Int
    n_incorrect: Int
    n_unknown: Int
    agreement_ratio: Real
    fleiss_Pi: Real | None  # noqa: N815 - the published column's name
    error_type: HallucinationType | None
    error_spans: tuple[VotedSpan, ...]
    span_agreement: Str | None
    adjudicated: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A detector's score of a sentence; higher is more likely correct.

    `score` is null unless `status` is `scored` or `windowed`; then `note` says why.
    """

    sentence_id: Str
    image_id: Str
    detector_id: Str
    score: Real | None
    words: tuple[WordScore, ...]
    status: ScoreStatus
    note: Str | None
    seconds: Real | None
    release: Str
    attempts: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """A run of a stage: what it did and what it spent.

    While it works, its counts are the most that it may have come to: what its calls to models can
    cost is written down before they are sent. Of a run that was killed, that stays.

    Attributes:
        stage_run_id: Hash of the run, the stage and its beginning.
        most_tokens: Tokens sent and received, at most.
        most_usd: US dollars, at most; of calls whose price is known.
        unpriced_calls: Calls whose price is not known.
        ended: Whether it came to its end, well or not, so that all counts are exact.
    """

    stage_run_id: Str
    stage: StageName
    started_at: Instant
    seconds: Real
    made: Long
    failed: Long
    empty: Long
    calls: Long
    prompt_tokens: Long
    completion_tokens: Long
    most_tokens: Long
    most_usd: Real
    unpriced_calls: Long
    ended: Bool
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An item that a stage could not do. `scope` is its source or its generator id."""

    stage: StageName
    key: Str
    scope: Str
    kind: FailureKind
    code: Str
    message: Str
    attempts: Int
