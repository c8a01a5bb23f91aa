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
    Dots,
    Lines,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import INTERVAL_METHOD, MEAN, ModelAuroc
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Ints
from alignbench.evaluation.statistics.clustered import mean_of, pair_sums
from alignbench.reporting.jackknife import Estimate
from alignbench.reporting.matrix import Matrix

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


def position_curves(sentences: Sentences, detectors: Sequence[Scored]) -> Analysis:
    """Returns mean scores by position, for correct and incorrect sentences."""
    rows = []
    for detector in detectors:
        of_model = sentences.model.codes + 1
        for group, names in ((np.zeros_like(of_model), (_ALL,)),
                             (of_model - 1, sentences.model.names)):  # fmt: skip
            rows += _curve_rows(sentences, detector, group, names)
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
        matrix=Matrix(("detector", "verdict"), "position", "score", percent=False, best=None),
    )


def _curve_rows(
    sentences: Sentences,
    detector: Scored,
    group: Ints,
    names: Sequence[str],
) -> list[dict[str, object]]:
    verdicts = ("incorrect", "correct")
    cell = (group * 2 + sentences.correct) * (LAST + 1) + places(sentences)
    there = np.flatnonzero(detector.there)
    in_cells = there[np.argsort(cell[there], kind="stable")]
    codes, starts = np.unique(cell[in_cells], return_index=True)
    rows = []
    for code, own in zip(codes.tolist(), np.split(in_cells, starts[1:]), strict=True):
        images, image = np.unique(sentences.image.codes[own], return_inverse=True)
        score = mean_of(detector.scores[own], image, len(images))
        of_group, place = divmod(code, LAST + 1)
        name, verdict = names[of_group // 2], verdicts[of_group % 2]
        columns = {
            "detector": detector.name,
            "model": name,
            "verdict": verdict,
            "position": place,
            "sentences": len(own),
            "series": verdict,
        }
        rows.append(with_interval(columns, "score", score))
    return rows


def position_corrected(
    sentences: Sentences, detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc]
) -> Analysis:
    """Returns AUROC over pairs of sentences of one model and one position."""
    rows: list[dict[str, object]] = []
    for detector, plain in zip(detectors, aurocs, strict=True):
        corrected = _corrected(sentences, detector, plain.pooled)
        for name, one, other in (
            *zip(sentences.model.names, plain.of_models, corrected.of_models, strict=True),
            (MEAN, plain.mean(corrected.known), corrected.mean()),
        ):
            change = with_interval({}, "difference", other - one)
            columns: dict[str, object] = {
                "detector": detector.name,
                "model": name,
                "auroc": one.value if np.isfinite(one.value) else None,
                "difference": change["difference"],
                "difference_low": change["low"],
                "difference_high": change["high"],
            }
            rows.append(with_interval(columns, "corrected", other))
    return Analysis(
        "auroc_position_corrected",
        "AUROC with the position held fixed",
        "AUROC over all pairs of a correct and an incorrect sentence of the same generating model "
        "and the same place in the text (`corrected`), beside the plain one. First sentences are "
        "both more often correct and scored higher; what a detector gains by that alone is the "
        f"difference. {INTERVAL_METHOD}",
        table_of(_CORRECTED, rows),
        Dots("model", "detector", "corrected", "AUROC within positions", 0.5),
        matrix=Matrix(("detector",), "model", "corrected"),
    )


def _corrected(sentences: Sentences, detector: Scored, pooled: Estimate) -> ModelAuroc:
    """Returns the AUROC of each model within positions."""
    place = places(sentences)
    images = len(sentences.image.names)

    def auroc(model: int) -> Estimate:
        own = detector.there & (sentences.model.codes == model)
        correct, image = sentences.correct[own], sentences.image.codes[own]
        return pair_sums(detector.rank[own], correct, image, images, place[own]).estimate()

    return ModelAuroc(tuple(map(auroc, range(len(sentences.model.names)))), pooled)
