"""Two detectors compared on the same sentences."""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import (
    INTERVAL_METHOD,
    MEAN,
    POOLED,
    ModelAuroc,
    common_models,
    model_auroc,
)
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools
from alignbench.reporting.jackknife import Estimate

_SCHEMA: Final = {
    "detector": TEXT,
    "other": TEXT,
    "over": TEXT,
    "sentences": COUNT,
    "auroc": NUMBER,
    "other_auroc": NUMBER,
    "difference": NUMBER,
    **INTERVAL,
    "p": NUMBER,
    "p_holm": NUMBER,
}


def comparison(
    sentences: Sentences, detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc]
) -> Analysis:
    """Returns the difference of every two detectors with a result.

    Args:
        sentences: What is scored.
        detectors: Those with a result.
        aurocs: Of each detector on all its own scores.
    """
    rows: list[dict[str, object]] = []
    means: dict[tuple[int, bytes], Estimate] = {}

    def mean(auroc: ModelAuroc, models: Bools) -> Estimate:
        """Returns the mean, which is the same in most pairs of a detector."""
        key = id(auroc), models.tobytes()
        if not any(auroc is kept for kept in aurocs):
            return auroc.mean(models)
        if key not in means:
            means[key] = auroc.mean(models)
        return means[key]

    for (one, one_auroc), (other, other_auroc) in combinations(
        zip(detectors, aurocs, strict=True), 2
    ):
        both = one.there & other.there
        if not (np.array_equal(both, one.there) and np.array_equal(both, other.there)):
            one_auroc = model_auroc(sentences, one.scores, both)
            other_auroc = model_auroc(sentences, other.scores, both)
        models = common_models([one_auroc, other_auroc])
        for over, value, other_value in (
            (MEAN, mean(one_auroc, models), mean(other_auroc, models)),
            (POOLED, one_auroc.pooled, other_auroc.pooled),
        ):
            difference = value - other_value
            columns = {
                "detector": one.name,
                "other": other.name,
                "over": over,
                "sentences": int(both.sum()),
                "auroc": None if np.isnan(value.value) else value.value,
                "other_auroc": None if np.isnan(other_value.value) else other_value.value,
                "p": difference.two_sided_p(),
            }
            rows.append(with_interval(columns, "difference", difference))
    for over in (MEAN, POOLED):
        _correct([row for row in rows if row["over"] == over])
    return Analysis(
        "paired_comparison",
        "Detectors compared in pairs",
        "Difference of two detectors' AUROC over the sentences that both have scored, and the "
        "models for which both have a figure. Both are left without the same images, so that what "
        "makes an image hard cancels out. p is the two-sided p-value of no difference by the same "
        "method as the interval; p_holm is corrected for the number of pairs (S. Holm, 1979). "
        f"{INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        None,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for their number, by Holm's step-down method."""
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * np.asarray(p_values, float)[order]
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(p) for p in corrected]


def _correct(rows: Sequence[dict[str, object]]) -> None:
    known = [row for row in rows if row["p"] is not None]
    for row, p in zip(known, holm([float(str(row["p"])) for row in known]), strict=True):
        row["p_holm"] = p
