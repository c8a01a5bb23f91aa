"""Scores by the sentence's place in its text, and AUROC with the place held fixed."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Bars,
    Lines,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import MEAN, ModelAuroc, unweighted_mean
from alignbench.evaluation.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Floats, Ints, ratio
from alignbench.evaluation.statistics.auroc import WeightedAuroc
from alignbench.evaluation.statistics.means import group_means, mean_draws
from alignbench.reporting.bootstrap import Counts, ImageBootstrap

LAST: Final = 5
"""The place from which on sentences are counted together, as in the paper's plots."""

_CURVES = {
    "detector": TEXT,
    "model": TEXT,
    "verdict": TEXT,
    "position": COUNT,
    "sentences": COUNT,
    "score": NUMBER,
    **INTERVAL,
    "series": TEXT,
}
_CORRECTED = {
    "detector": TEXT,
    "model": TEXT,
    "auroc": NUMBER,
    "corrected": NUMBER,
    **INTERVAL,
    "difference": NUMBER,
    "difference_low": NUMBER,
    "difference_high": NUMBER,
}
_ALL: Final = "all models"


def places(sentences: Sentences) -> Ints:
    """Returns the place of each sentence, 0 to `LAST`."""
    return np.minimum(sentences.position, LAST)


def position_curves(
    sentences: Sentences, detectors: Sequence[Scored], bootstrap: ImageBootstrap
) -> Analysis:
    """Returns mean scores by position, for correct and incorrect sentences."""
    rows = []
    for detector in detectors:
        of_model = sentences.model.codes + 1
        for group, names in ((np.zeros_like(of_model), (_ALL,)),
                             (of_model - 1, sentences.model.names)):  # fmt: skip
            rows += _curve_rows(sentences, detector, group, names, bootstrap)
    table = table_of(_CURVES, rows)
    return Analysis(
        "score_by_position",
        "Mean score by sentence position",
        f"Mean score of correct and of incorrect sentences by their place in the text, from 0; "
        f"{LAST} stands for {LAST} and later. Detectors are not told the place: a curve that falls "
        "for both alike is the detector's own bias, or that later sentences are harder to see.",
        table.drop_columns(["series"]),
        Lines("position", "series", "score", "mean score", "position in the text", "detector"),
        drawn=table.filter([row["model"] == _ALL for row in rows]) if rows else table,
    )


def _curve_rows(
    sentences: Sentences,
    detector: Scored,
    group: Ints,
    names: Sequence[str],
    bootstrap: ImageBootstrap,
) -> list[dict[str, object]]:
    there = detector.there
    verdicts = ("incorrect", "correct")
    cell = (group * 2 + sentences.correct) * (LAST + 1) + places(sentences)
    cells = len(names) * 2 * (LAST + 1)
    image, scores = sentences.image.codes[there], detector.scores[there]
    means = group_means(scores, cell[there], cells)
    draws = mean_draws(scores, cell[there], cells, image, bootstrap)
    rows = []
    for code in np.flatnonzero(means.counts).tolist():
        of_group, place = divmod(code, LAST + 1)
        name, verdict = names[of_group // 2], verdicts[of_group % 2]
        columns = {
            "detector": detector.name,
            "model": name,
            "verdict": verdict,
            "position": place,
            "sentences": int(means.counts[code]),
            "series": verdict,
        }
        rows.append(with_interval(columns, "score", float(means.values[code]), draws[:, code]))
    return rows


def position_corrected(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
    bootstrap: ImageBootstrap,
) -> Analysis:
    """Returns AUROC over pairs of sentences of one model and one position."""
    rows: list[dict[str, object]] = []
    for detector, plain in zip(detectors, aurocs, strict=True):
        values, draws = _corrected(sentences, detector, bootstrap)
        there = np.isfinite(values)
        mean = draws[:, there].mean(axis=1) if there.any() else draws.sum(axis=1)
        for name, value, corrected, value_draws, corrected_draws in (
            *(
                (model, plain.values[code], values[code], plain.value_draws[:, code],
                 draws[:, code])
                for code, model in enumerate(sentences.model.names)
            ),
            (MEAN, plain.mean, unweighted_mean(values), plain.mean_draws, mean),
        ):  # fmt: skip
            columns: dict[str, object] = {
                "detector": detector.name,
                "model": name,
                "auroc": value if np.isfinite(value) else None,
            }
            change = with_interval({}, "difference", corrected - value,
                                   corrected_draws - value_draws)  # fmt: skip
            columns["difference"] = change["difference"]
            columns["difference_low"] = change["low"]
            columns["difference_high"] = change["high"]
            rows.append(with_interval(columns, "corrected", float(corrected), corrected_draws))
    return Analysis(
        "auroc_position_corrected",
        "AUROC with the position held fixed",
        "AUROC over all pairs of a correct and an incorrect sentence of the same generating model "
        "and the same place in the text (`corrected`), beside the plain one. First sentences are "
        "both more often correct and scored higher; what a detector gains by that alone is the "
        "difference.",
        table_of(_CORRECTED, rows),
        Bars("model", "detector", "corrected", "AUROC within positions", 0.5),
    )


def _corrected(
    sentences: Sentences, detector: Scored, bootstrap: ImageBootstrap
) -> tuple[Floats, Floats]:
    there = detector.there
    models, width = len(sentences.model.names), LAST + 1
    stratum = sentences.model.codes[there] * width + places(sentences)[there]
    weighted = WeightedAuroc(
        detector.scores[there], sentences.correct[there], sentences.image.codes[there], stratum
    )

    def values(weights: Floats | Counts) -> Floats:
        ordered, pairs = np.zeros(models * width), np.zeros(models * width)
        ordered[: weighted.cells], pairs[: weighted.cells] = weighted.sums(weights)
        over, under = ordered.reshape(models, width).sum(1), pairs.reshape(models, width).sum(1)
        return ratio(over, under)

    once = np.ones(bootstrap.images)
    return values(once), np.array([values(weights) for weights in bootstrap]).reshape(-1, models)
