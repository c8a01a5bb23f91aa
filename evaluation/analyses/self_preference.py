"""Whether a detector is worse, or better, on captions of its own family."""

from collections.abc import Sequence

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    FLAG,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Heatmap,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import ModelAuroc, unweighted_mean
from alignbench.evaluation.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Floats

_SCHEMA = {"detector": TEXT, "model": TEXT, "self": FLAG, "ratio": NUMBER, **INTERVAL}


def self_preference_ratios(aurocs: Floats) -> Floats:
    """Returns each AUROC over the detector's unweighted mean, as in AlignBench.

    Args:
        aurocs: Of one detector, for each generating model; NaN where there is none.
    """
    return np.asarray(aurocs / unweighted_mean(aurocs))


def self_preference(
    sentences: Sentences, detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc]
) -> Analysis:
    """Returns the matrix of detectors and generating models."""
    rows = []
    for detector, found in zip(detectors, aurocs, strict=True):
        ratios = self_preference_ratios(found.values)
        for code, model in enumerate(sentences.model.names):
            with np.errstate(invalid="ignore", divide="ignore"):
                draws = found.value_draws[:, code] / found.mean_draws
            columns = {
                "detector": detector.name,
                "model": model,
                "self": sentences.families[model] == detector.family,
            }
            rows.append(with_interval(columns, "ratio", float(ratios[code]), draws))
    return Analysis(
        "self_preference",
        "Self-preference",
        "AUROC on one generating model's sentences over the detector's unweighted mean over all. "
        "Below 1 on `self`, where the detector is of the model's own family: it finds its own "
        "mistakes harder to see than those of others. Off the diagonal it says how hard a model's "
        "sentences are.",
        table_of(_SCHEMA, rows),
        Heatmap("detector", "model", "ratio", "AUROC / mean AUROC"),
    )
