"""The tables of a workspace: row class, key, and what happens to a key written twice."""

from dataclasses import dataclass
from typing import Generic

import pyarrow as pa

from alignbench.schemas import question_rows, rows
from alignbench.schemas.columns import DataclassRow, Row, arrow_schema

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


ORIGINS = TableSpec("origins", rows.Origin, ("origin_id",))
IMAGES = TableSpec("images", rows.Image, ("image_id",))
PROMPTS = TableSpec("prompts", rows.Prompt, ("prompt_id",))
GENERATORS = TableSpec("generators", rows.Generator, ("generator_id",))
PAIRS = TableSpec("pairs", rows.Pair, ("pair_id",))
SENTENCES = TableSpec("sentences", rows.Sentence, ("sentence_id",))
SPLITTERS = TableSpec("splitters", rows.Splitter, ("splitter_id",), "version")
TASKS = TableSpec("tasks", rows.Task, ("server", "project_id", "task_id", "sentence_id"), "version")
ROUNDS = TableSpec("rounds", rows.Round, ("round",))
ASSIGNMENTS = TableSpec(
    "assignments", rows.Assignment, ("round", "unit_id", "annotator"), "version"
)
PAUSED_ANNOTATORS = TableSpec("paused_annotators", rows.PausedAnnotator, ("annotator",), "version")
ROUND_SENTENCES = TableSpec("round_sentences", rows.RoundSentence, ("round", "sentence_id"))
ROUND_SUGGESTIONS = TableSpec("round_suggestions", rows.RoundSuggestions, ("round",))
ANNOTATIONS = TableSpec(
    "annotations",
    rows.Annotation,
    ("server", "project_id", "annotation_id", "sentence_id"),
    "updated_at",
)
GUIDELINES = TableSpec("guidelines", rows.Guidelines, ("guideline_id",))
ANNOTATION_PROJECTS = TableSpec(
    "annotation_projects", rows.AnnotationProject, ("server", "project_id")
)
QUARANTINE = TableSpec(
    "quarantine",
    rows.QuarantinedAnnotation,
    ("server", "project_id", "annotation_id"),
    "updated_at",
)
GOLD = TableSpec("gold", rows.Gold, ("sentence_id",), "version")
WITHDRAWN = TableSpec("withdrawn", rows.Withdrawn, ("kind", "id"), "version")
LABEL_SETS = TableSpec("label_sets", rows.LabelSet, ("label_set_id",), "version")
LABELS = TableSpec("labels", rows.Label, ("label_set_id", "sentence_id"))
SCORES = TableSpec("scores", rows.Score, ("sentence_id", "image_id", "detector_id"), "attempts")
QUESTIONS = TableSpec("questions", question_rows.Question, ("question_id",), "version")
VARIANTS = TableSpec("variants", question_rows.Variant, ("variant_id",))
RESPONSES = TableSpec("responses", question_rows.Response, ("response_id",))
JUDGES = TableSpec("judges", question_rows.Judge, ("judge_id",))
JUDGEMENTS = TableSpec("judgements", question_rows.Judgement, ("judgement_id",))
RATINGS = TableSpec(
    "ratings",
    question_rows.Rating,
    ("server", "project_id", "annotation_id", "response_id"),
    "updated_at",
)
GOLD_RATINGS = TableSpec("gold_ratings", question_rows.GoldRating, ("response_id",), "version")
VARIANT_CHECKS = TableSpec(
    "variant_checks",
    question_rows.VariantCheck,
    ("server", "project_id", "annotation_id", "variant_id"),
    "updated_at",
)
GOLD_VARIANTS = TableSpec("gold_variants", question_rows.GoldVariant, ("variant_id",), "version")
SAMPLED_QUESTIONS = TableSpec(
    "sampled_questions", question_rows.SampledQuestion, ("round", "asked_id")
)
STAGE_RUNS = TableSpec("stage_runs", rows.StageRun, ("stage_run_id",), "version")
FAILURES = TableSpec("failures", rows.Failure, ("stage", "key"), "attempts")

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
