"""AUROC for each generating model, their unweighted mean, and pooled; with intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    FLAG,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Bars,
    table_of,
    with_interval,
)
from alignbench.evaluation.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats
from alignbench.evaluation.statistics.auroc import WeightedAuroc, auroc
from alignbench.reporting.bootstrap import ImageBootstrap

MEAN, POOLED = "mean of models", "all sentences pooled"

_SCHEMA = {
    "detector": TEXT,
    "model": TEXT,
    "self": FLAG,
    "correct": COUNT,
    "incorrect": COUNT,
    "auroc": NUMBER,
    **INTERVAL,
    "why_null": TEXT,
}


class ModelAuroc(NamedTuple):
    """A detector's AUROC on a release, and the same on each resample.

    Attributes:
        values: For each generating model; NaN where one class is missing.
        mean: Their unweighted mean over the models that have one; NaN if none has.
        pooled: Over all sentences together.
        value_draws: (resamples, models).
        mean_draws: (resamples,); NaN where a model of the mean lacks a class.
        pooled_draws: (resamples,).
    """

    values: Floats
    mean: float
    pooled: float
    value_draws: Floats
    mean_draws: Floats
    pooled_draws: Floats


def unweighted_mean(values: Floats) -> float:
    """Returns the mean of the values that are there; NaN if none is."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")


def model_auroc(
    sentences: Sentences,
    scores: Floats,
    bootstrap: ImageBootstrap,
    among: Bools | None = None,
    *,
    with_pooled: bool = True,
) -> ModelAuroc:
    """Returns the AUROC of scores, over the sentences that have one.

    Args:
        sentences: What the scores are of.
        scores: One for each sentence; NaN is left out.
        bootstrap: Of the sentences' images.
        among: Further restricts the sentences.
        with_pooled: Whether all sentences together are wanted too; NaN if not.
    """
    kept = np.isfinite(scores) if among is None else np.isfinite(scores) & among
    score, correct, model = scores[kept], sentences.correct[kept], sentences.model.codes[kept]
    image = sentences.image.codes[kept]
    count = len(sentences.model.names)
    found = [auroc(score[model == code], correct[model == code]) for code in range(count)]
    values = np.array([np.nan if value is None else value for value in found])
    pooled = auroc(score, correct) if with_pooled else None
    value_draws = np.full((bootstrap.resamples, count), np.nan)
    drawn = WeightedAuroc(score, correct, image, model).draws(bootstrap)
    value_draws[:, : drawn.shape[1]] = drawn
    pooled_draws: Floats = np.full(bootstrap.resamples, np.nan)
    if pooled is not None:
        together = WeightedAuroc(score, correct, image, np.zeros_like(model))
        pooled_draws = together.draws(bootstrap)[:, 0]
    there = np.isfinite(values)
    mean_draws = value_draws[:, there].mean(axis=1) if there.any() else value_draws.sum(axis=1)
    return ModelAuroc(
        values,
        unweighted_mean(values),
        np.nan if pooled is None else pooled,
        value_draws,
        mean_draws,
        pooled_draws,
    )


def by_model(
    sentences: Sentences, detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc | None]
) -> Analysis:
    """Returns the table of AUROC; `aurocs` is that of each detector, None without a result."""
    rows = []
    for detector, found in zip(detectors, aurocs, strict=True):
        rows += _rows(sentences, detector, found)
    table = table_of(_SCHEMA, rows)
    return Analysis(
        "auroc_by_model",
        "AUROC by generating model",
        "AUROC of correct against incorrect sentences (0.5 is chance), for each generating model "
        "by itself, as in AlignBench; their unweighted mean; and over all sentences together. "
        "`self` marks a detector on captions of its own family. Intervals are 95 % percentile "
        "intervals of a bootstrap over images. Null where a class is missing.",
        table,
        Bars("model", "detector", "auroc", "AUROC", 0.5),
        tuple(sorted({f"{r['model']}: {r['why_null']}" for r in rows if _is_of_model(r)})),
    )


def _rows(
    sentences: Sentences, detector: Scored, found: ModelAuroc | None
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    there = detector.there
    for code, name in enumerate(sentences.model.names):
        own = there & (sentences.model.codes == code)
        value = None if found is None else float(found.values[code])
        draws = None if found is None else found.value_draws[:, code]
        is_self = sentences.families[name] == detector.family
        rows.append(_row(sentences, detector, name, is_self, own, value, draws))
    for name, values in (
        (MEAN, found and (found.mean, found.mean_draws)),
        (POOLED, found and (found.pooled, found.pooled_draws)),
    ):
        value, draws = values or (None, None)
        rows.append(_row(sentences, detector, name, None, there, value, draws))
    return rows


def _row(
    sentences: Sentences,
    detector: Scored,
    name: str,
    is_self: bool | None,
    kept: Bools,
    value: float | None,
    draws: Floats | None,
) -> dict[str, object]:
    correct = int(sentences.correct[kept].sum())
    incorrect = int(kept.sum()) - correct
    columns = {
        "detector": detector.name,
        "model": name,
        "self": is_self,
        "correct": correct,
        "incorrect": incorrect,
        "why_null": detector.says_nothing or _why_null(correct, incorrect),
    }
    return with_interval(columns, "auroc", value, draws)


def _why_null(correct: int, incorrect: int) -> str | None:
    if correct and incorrect:
        return None
    missing = "incorrect" if correct else "correct" if incorrect else "scored"
    return f"It has no {missing} sentence."


def _is_of_model(row: dict[str, object]) -> bool:
    return row["self"] is not None and str(row["why_null"]).startswith("It has no ")
