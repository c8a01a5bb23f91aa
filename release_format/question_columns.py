"""The tables of a release of questions: their Arrow schemas, keys and order.

Each table is a config of its own, `data/<table>/test-*.parquet`. What a row speaks of stands in
another table under the same id. Everything is nullable in the files, as readers expect.
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from alignbench.release_format.columns import IMAGE

QUESTION_SCHEMA_VERSION: Final = 1
"""Raised whenever a released column is added or changes its meaning."""

SPLIT: Final = "test"
IMAGE_COLUMN: Final = "image"


@dataclass(frozen=True)
class ReleasedTable:
    """One table.

    Attributes:
        name: Its folder, and the name of its config.
        says: What a row is, for the card.
        key: Columns that tell rows apart.
        order: Columns that rows are sorted by.
        schema: Its columns.
        nullable: Those of them that may be null.
    """

    name: str
    says: str
    key: tuple[str, ...]
    order: tuple[str, ...]
    schema: pa.Schema
    nullable: frozenset[str]

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never null."""
        return tuple(name for name in self.schema.names if name not in self.nullable)

    @property
    def without_image(self) -> pa.Schema:
        """The columns but for the image."""
        return pa.schema([field for field in self.schema if field.name != IMAGE_COLUMN])


_STRINGS: Final = pa.list_(pa.field("element", pa.string()))
_TURNS: Final = pa.list_(
    pa.field(
        "element", pa.struct([pa.field("user", pa.string()), pa.field("assistant", pa.string())])
    )
)


def _table(
    name: str,
    says: str,
    key: tuple[str, ...],
    columns: dict[str, pa.DataType],
    *,
    order: tuple[str, ...] | None = None,
    nullable: tuple[str, ...] = (),
) -> ReleasedTable:
    schema = pa.schema([pa.field(column, kind) for column, kind in columns.items()])
    return ReleasedTable(name, says, key, order or key, schema, frozenset(nullable))


_TEXT, _COUNT = pa.string(), pa.int32()

QUESTIONS: Final = _table(
    "questions",
    "a question about an image, with its earlier turns and its reference",
    ("question_id",),
    {
        **dict.fromkeys(
            ("question_id", "source", "cluster", "variant", "task", "category", "language",
             "image_name", "image_id"), _TEXT,
        ),
        "history": _TURNS, "prompt": _TEXT, "reference": _TEXT, "quirks": _STRINGS,
        "license": _TEXT, "redistributable": pa.bool_(), IMAGE_COLUMN: IMAGE,
    },
    nullable=("image_id", "license", "redistributable", IMAGE_COLUMN),
)  # fmt: skip
"""Sorted so that rows of one image follow one another; those without an image come first."""

MODELS: Final = _table(
    "models",
    "a model with everything that was sent to it, and what it did",
    ("generator_id",),
    dict.fromkeys(
        ("generator_id", "role", "model", "family", "backend", "repo", "revision", "instruction",
         "params"), _TEXT,
    ),
    nullable=("revision", "instruction"),
)  # fmt: skip

VARIANT_COUNTS: Final = ("n_same", "n_different", "n_unknown")
"""How many people say what of a question in other words; null where nobody was asked."""

VARIANTS: Final = _table(
    "variants",
    "a question in other words, accepted or refused by models or by people",
    ("variant_id",),
    {
        **dict.fromkeys(("variant_id", "question_id", "generator_id", "model", "style"), _TEXT),
        "sample_index": _COUNT, "prompt": _TEXT, "status": _TEXT, "code": _TEXT, "message": _TEXT,
        **dict.fromkeys(VARIANT_COUNTS, _COUNT),
    },
    nullable=("code", "message", *VARIANT_COUNTS),
)  # fmt: skip

RESPONSES: Final = _table(
    "responses",
    "a model's answer to a question or a variant, with the image or blind",
    ("response_id",),
    {
        **dict.fromkeys(
            ("response_id", "asked_id", "question_id", "generator_id", "model"), _TEXT
        ),
        "blind": pa.bool_(), "sample_index": _COUNT, "text": _TEXT, "text_sha256": _TEXT,
        "seed": pa.int64(), "finish_reason": _TEXT, "served_model": _TEXT,
        "prompt_tokens": _COUNT, "completion_tokens": _COUNT,
    },
    order=("model", "blind", "asked_id", "sample_index", "response_id"),
    nullable=("seed", "finish_reason", "served_model", "prompt_tokens", "completion_tokens"),
)  # fmt: skip

JUDGES: Final = _table(
    "judges",
    "a judge with its model, its whole rubric and what it is told of each task",
    ("judge_id",),
    {
        **dict.fromkeys(
            ("judge_id", "name", "generator_id", "rubric", "rubric_text", "task_notes"), _TEXT
        ),
        "system_turn": pa.bool_(), "structured": pa.bool_(),
    },
)  # fmt: skip

JUDGEMENTS: Final = _table(
    "judgements",
    "a judge's score of an answer, with its reason",
    ("judgement_id",),
    {
        **dict.fromkeys(("judgement_id", "response_id", "judge_id", "judge", "rubric"), _TEXT),
        "draw": _COUNT, "score": pa.float64(), "reason": _TEXT, "served_model": _TEXT,
    },
    order=("judge", "response_id", "draw", "judgement_id"),
    nullable=("reason", "served_model"),
)  # fmt: skip

RATINGS: Final = _table(
    "ratings",
    "a person's score of an answer, the person under a pseudonym",
    ("response_id", "round", "annotator"),
    {
        **dict.fromkeys(("response_id", "round", "annotator"), _TEXT),
        "rating": pa.float64(), "probability": pa.float64(), "lead_seconds": pa.float64(),
    },
    nullable=("lead_seconds",),
)  # fmt: skip
"""Reasons, times and editors are not published."""

TABLES: Final = {
    table.name: table
    for table in (QUESTIONS, VARIANTS, RESPONSES, JUDGEMENTS, RATINGS, JUDGES, MODELS)
}
