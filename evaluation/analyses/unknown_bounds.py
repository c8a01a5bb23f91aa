"""AUROC if all sentences that nobody could decide were correct, and if all were incorrect."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.evaluation.analyses.analysis import COUNT, NUMBER, TEXT, Analysis, table_of
from alignbench.evaluation.analyses.by_model import MEAN, POOLED, ModelAuroc, model_auroc
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Floats
from alignbench.schemas.vocabulary import Verdict

_SCHEMA: Final = {
    "detector": TEXT,
    "over": TEXT,
    "unknown": COUNT,
    "unknown_scored": COUNT,
    "auroc": NUMBER,
    "all_unknown_correct": NUMBER,
    "all_unknown_incorrect": NUMBER,
    "why_null": TEXT,
}
NOT_SCORED: Final = "No unknown sentence was scored: evaluate with --unknown."


class UnknownSentences(NamedTuple):
    """The sentences of a release whose verdict is unknown.

    Attributes:
        table: Their rows, as `ReleaseReader.sentences` gives them.
        scores: Of each detector by its name, one for each sentence; NaN where there is none.
    """

    table: pa.Table
    scores: dict[str, Floats]


def unknown_bounds(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
    unknown: UnknownSentences,
) -> Analysis:
    """Returns each detector's AUROC with the unknown sentences counted either way."""
    sides = [
        _with(sentences, unknown.table, verdict) for verdict in (Verdict.CORRECT, Verdict.INCORRECT)
    ]
    rows: list[dict[str, Any]] = []
    for detector, plain in zip(detectors, aurocs, strict=True):
        scores = unknown.scores[detector.name]
        count = int(np.isfinite(scores).sum())
        both = np.concatenate([detector.scores, scores])
        as_correct, as_incorrect = (model_auroc(side, both) for side in sides)
        for over, seen, correct, incorrect in (
            (MEAN, plain.mean(), as_correct.mean(), as_incorrect.mean()),
            (POOLED, plain.pooled, as_correct.pooled, as_incorrect.pooled),
        ):
            rows.append({
                "detector": detector.name,
                "over": over,
                "unknown": len(scores),
                "unknown_scored": count,
                "auroc": _known(seen.value),
                "all_unknown_correct": _known(correct.value) if count else None,
                "all_unknown_incorrect": _known(incorrect.value) if count else None,
                "why_null": None if count else NOT_SCORED,
            })  # fmt: skip
    return Analysis(
        "auroc_bounds_of_unknown",
        "AUROC with unknown sentences counted either way",
        "Sentences whose verdict is unknown are left out of every other result. Here their scores "
        "are counted, once as if all of them were correct, and once as if all were incorrect; over "
        "all sentences together, and as the mean of the models that have both classes.",
        table_of(_SCHEMA, rows),
        None,
    )


def _with(sentences: Sentences, unknown: pa.Table, verdict: Verdict) -> Sentences:
    """Returns all sentences, the unknown ones at the end with this verdict."""
    place = unknown.column_names.index("annotation")
    verdicts = pa.array([verdict.value] * len(unknown), pa.string())
    counted = unknown.set_column(place, "annotation", verdicts)
    columns = counted.column_names
    table = pa.concat_tables([sentences.table.select(columns), counted], promote_options="default")
    return Sentences.of(table, sentences.families)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
