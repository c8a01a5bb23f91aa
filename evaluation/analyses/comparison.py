"""Two detectors compared on the same sentences and the same resamples."""

from collections.abc import Sequence
from itertools import combinations

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
from alignbench.evaluation.analyses.by_model import MEAN, POOLED, ModelAuroc, model_auroc
from alignbench.evaluation.scored import Scored, Sentences
from alignbench.reporting.bootstrap import ImageBootstrap, two_sided_p

_SCHEMA = {
    "detector": TEXT,
    "other": TEXT,
    "over": TEXT,
    "sentences": COUNT,
    "auroc": NUMBER,
    "other_auroc": NUMBER,
    "difference": NUMBER,
    **INTERVAL,
    "p": NUMBER,
}


def comparison(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
    bootstrap: ImageBootstrap,
) -> Analysis:
    """Returns the difference of every two detectors with a result.

    Args:
        sentences: What is scored.
        detectors: Those with a result.
        aurocs: Of each detector on all its own scores.
        bootstrap: The same that `aurocs` were computed with.
    """
    rows = []
    for (one, one_auroc), (other, other_auroc) in combinations(
        zip(detectors, aurocs, strict=True), 2
    ):
        both = one.there & other.there
        if not (np.array_equal(both, one.there) and np.array_equal(both, other.there)):
            one_auroc = model_auroc(sentences, one.scores, bootstrap, both)
            other_auroc = model_auroc(sentences, other.scores, bootstrap, both)
        for over, value, other_value, draws in (
            (MEAN, one_auroc.mean, other_auroc.mean,
             one_auroc.mean_draws - other_auroc.mean_draws),
            (POOLED, one_auroc.pooled, other_auroc.pooled,
             one_auroc.pooled_draws - other_auroc.pooled_draws),
        ):  # fmt: skip
            columns = {
                "detector": one.name,
                "other": other.name,
                "over": over,
                "sentences": int(both.sum()),
                "auroc": value,
                "other_auroc": other_value,
                "p": two_sided_p(draws),
            }
            rows.append(with_interval(columns, "difference", value - other_value, draws))
    return Analysis(
        "paired_comparison",
        "Detectors compared in pairs",
        "Difference of two detectors' AUROC over the sentences that both have scored. Both are "
        "computed on the same resamples of images, so that what makes a resample hard cancels out. "
        "p is the two-sided bootstrap p-value of no difference, not corrected for the number of "
        "comparisons.",
        table_of(_SCHEMA, rows),
        None,
    )
