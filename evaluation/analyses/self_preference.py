"""Whether a detector is worse, or better, on captions of its own family."""

from collections.abc import Sequence

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
from alignbench.evaluation.analyses.by_model import INTERVAL_METHOD, ModelAuroc
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.reporting.jackknife import quotient
from alignbench.reporting.matrix import Matrix

_SCHEMA = {"detector": TEXT, "model": TEXT, "self": FLAG, "ratio": NUMBER, **INTERVAL}


def self_preference(
    sentences: Sentences, detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc]
) -> Analysis:
    """Returns the matrix of detectors and generating models."""
    rows = []
    for detector, found in zip(detectors, aurocs, strict=True):
        mean = found.mean()
        for code, model in enumerate(sentences.model.names):
            columns = {
                "detector": detector.name,
                "model": model,
                "self": sentences.families[model] == detector.family,
            }
            rows.append(with_interval(columns, "ratio", quotient(found.of_models[code], mean)))
    return Analysis(
        "self_preference",
        "Self-preference",
        "AUROC on one generating model's sentences over the detector's unweighted mean over all, "
        "as in AlignBench. Below 1 on `self`, where the detector is of the model's own family: it "
        "finds its own mistakes harder to see than those of others. Off the diagonal it says how "
        f"hard a model's sentences are. {INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        Heatmap("detector", "model", "ratio", "AUROC / mean AUROC"),
        matrix=Matrix(("detector",), "model", "ratio", percent=False, best=None, own="self"),
    )
