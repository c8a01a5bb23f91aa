"""The tables of a workspace: row class, key, and what happens to a key written twice."""

from dataclasses import dataclass
from typing import Generic

import pyarrow as pa

from alignbench.schemas.columns import DataclassRow, Row, arrow_schema
from alignbench.schemas.rows import annotation, generation, labels, questions, runs

SCHEMA_VERSION = 6
"""Raised whenever a column is added; a part of an older version reads its new columns as null."""

CREATED_AT = pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False)
RUN_ID = pa.field("run_id", pa.string(), nullable=False)


@dataclass(frozen=True)
class TableSpec(Generic[Row]):
    """One table's contract.

    Attributes:
        name: Folder of its parts, `tables/<name>/`.
        row: Class of its rows.
        key: Columns that tell rows apart.
        version: For a *versioned* table, the column whose highest value wins when a key was written
            twice (a counter, or the server's `updated_at`; never our clock). None for an
            *immutable* table: the oldest row wins, so that text never changes under sentences that
            were cut from it.
    """

    name: str
    row: type[Row]
    key: tuple[str, ...]
    version: str | None = None

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the table's parts: the row's columns, `created_at` and `run_id`."""
        return arrow_schema(self.row).append(CREATED_AT).append(RUN_ID)


ORIGINS = TableSpec("origins", generation.Origin, ("origin_id",))
IMAGES = TableSpec("images", generation.Image, ("image_id",))
PROMPTS = TableSpec("prompts", generation.Prompt, ("prompt_id",))
GENERATORS = TableSpec("generators", generation.Generator, ("generator_id",))
PAIRS = TableSpec("pairs", generation.Pair, ("pair_id",))
SENTENCES = TableSpec("sentences", generation.Sentence, ("sentence_id",))
SPLITTERS = TableSpec("splitters", generation.Splitter, ("splitter_id",), "version")
TASKS = TableSpec(
    "tasks", annotation.Task, ("server", "project_id", "task_id", "sentence_id"), "version"
)
ROUNDS = TableSpec("rounds", annotation.Round, ("round",))
ASSIGNMENTS = TableSpec(
    "assignments", annotation.Assignment, ("round", "unit_id", "annotator"), "version"
)
PAUSED_ANNOTATORS = TableSpec(
    "paused_annotators", annotation.PausedAnnotator, ("annotator",), "version"
)
ROUND_SENTENCES = TableSpec("round_sentences", annotation.RoundSentence, ("round", "sentence_id"))
ROUND_SUGGESTIONS = TableSpec("round_suggestions", annotation.RoundSuggestions, ("round",))
ANNOTATIONS = TableSpec(
    "annotations",
    annotation.Annotation,
    ("server", "project_id", "annotation_id", "sentence_id"),
    "updated_at",
)
GUIDELINES = TableSpec("guidelines", annotation.Guidelines, ("guideline_id",))
ANNOTATION_PROJECTS = TableSpec(
    "annotation_projects", annotation.AnnotationProject, ("server", "project_id")
)
QUARANTINE = TableSpec(
    "quarantine",
    annotation.QuarantinedAnnotation,
    ("server", "project_id", "annotation_id"),
    "updated_at",
)
GOLD = TableSpec("gold", annotation.Gold, ("sentence_id",), "version")
WITHDRAWN = TableSpec("withdrawn", annotation.Withdrawn, ("kind", "id"), "version")
LABEL_SETS = TableSpec("label_sets", labels.LabelSet, ("label_set_id",), "version")
LABELS = TableSpec("labels", labels.Label, ("label_set_id", "sentence_id"))
SCORES = TableSpec("scores", runs.Score, ("sentence_id", "image_id", "detector_id"), "attempts")
QUESTIONS = TableSpec("questions", questions.Question, ("question_id",), "version")
VARIANTS = TableSpec("variants", questions.Variant, ("variant_id",))
RESPONSES = TableSpec("responses", questions.Response, ("response_id",))
JUDGES = TableSpec("judges", questions.Judge, ("judge_id",))
JUDGEMENTS = TableSpec("judgements", questions.Judgement, ("judgement_id",))
RATINGS = TableSpec(
    "ratings",
    questions.Rating,
    ("server", "project_id", "annotation_id", "response_id"),
    "updated_at",
)
GOLD_RATINGS = TableSpec("gold_ratings", questions.GoldRating, ("response_id",), "version")
VARIANT_CHECKS = TableSpec(
    "variant_checks",
    questions.VariantCheck,
    ("server", "project_id", "annotation_id", "variant_id"),
    "updated_at",
)
GOLD_VARIANTS = TableSpec("gold_variants", questions.GoldVariant, ("variant_id",), "version")
SAMPLED_QUESTIONS = TableSpec("sampled_questions", questions.SampledQuestion, ("round", "asked_id"))
STAGE_RUNS = TableSpec("stage_runs", runs.StageRun, ("stage_run_id",), "version")
FAILURES = TableSpec("failures", runs.Failure, ("stage", "key"), "attempts")

TABLES: tuple[TableSpec[DataclassRow], ...] = (
    ORIGINS,
    IMAGES,
    PROMPTS,
    GENERATORS,
    PAIRS,
    SPLITTERS,
    SENTENCES,
    ROUNDS,
    ROUND_SENTENCES,
    ROUND_SUGGESTIONS,
    ASSIGNMENTS,
    PAUSED_ANNOTATORS,
    TASKS,
    GUIDELINES,
    ANNOTATION_PROJECTS,
    ANNOTATIONS,
    QUARANTINE,
    GOLD,
    WITHDRAWN,
    LABEL_SETS,
    LABELS,
    SCORES,
    QUESTIONS,
    VARIANTS,
    RESPONSES,
    JUDGES,
    JUDGEMENTS,
    RATINGS,
    GOLD_RATINGS,
    VARIANT_CHECKS,
    GOLD_VARIANTS,
    SAMPLED_QUESTIONS,
    STAGE_RUNS,
    FAILURES,
)  # type: ignore[assignment]


def spec_of(row_type: type[Row]) -> TableSpec[Row]:
    """Returns the table that rows of this class belong to."""
    for spec in TABLES:
        if spec.row is row_type:
            return spec  # type: ignore[return-value]
    raise KeyError(row_type.__name__)
