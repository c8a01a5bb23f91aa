"""AUROC and mean score by hallucination type, and by the image's domain."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    CLASS_IMAGES,
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Dots,
    Radar,
    class_images,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import INTERVAL_METHOD
from alignbench.evaluation.scores.scored import Coded, Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools
from alignbench.evaluation.statistics.clustered import mean_of, pair_sums
from alignbench.reporting.matrix import Matrix

_NONE: Final = "none given"
_TYPES = {
    "detector": TEXT,
    "error_type": TEXT,
    "incorrect": COUNT,
    "auroc": NUMBER,
    **INTERVAL,
    **CLASS_IMAGES,
    "mean_score": NUMBER,
    "mean_low": NUMBER,
    "mean_high": NUMBER,
}
_DOMAINS = {
    "detector": TEXT,
    "domain": TEXT,
    "correct": COUNT,
    "incorrect": COUNT,
    "auroc": NUMBER,
    **INTERVAL,
    **CLASS_IMAGES,
    "mean_score": NUMBER,
    "mean_low": NUMBER,
    "mean_high": NUMBER,
}


def by_type(sentences: Sentences, detectors: Sequence[Scored]) -> Analysis:
    """Returns how well each type of hallucination is told from correct sentences."""
    names, codes = _named(sentences.error_type)
    rows = []
    for detector in detectors:
        for code, name in enumerate(names):
            of_type = detector.there & ~sentences.correct & (codes == code)
            if of_type.any():
                columns = {"error_type": name, "incorrect": int(of_type.sum())}
                among = of_type | (detector.there & sentences.correct)
                rows.append(_row(sentences, detector, columns, among, of_type))
    return Analysis(
        "by_type",
        "By hallucination type",
        "AUROC of all correct sentences against the incorrect ones of one type, over all "
        "generating models; and the mean score of those incorrect sentences, as in AlignBench "
        f"(lower is better caught). {INTERVAL_METHOD}",
        table_of(_TYPES, rows),
        Dots("error_type", "detector", "auroc", "AUROC", 0.5),
        matrix=Matrix(("detector",), "error_type", "auroc"),
    )


def by_domain(sentences: Sentences, detectors: Sequence[Scored]) -> Analysis:
    """Returns how well correct and incorrect sentences about one domain's images are told apart."""
    names, codes = _named(sentences.domain)
    rows = []
    for detector in detectors:
        for code, name in enumerate(names):
            among = detector.there & (codes == code)
            if among.any():
                correct = int(sentences.correct[among].sum())
                incorrect = int(among.sum()) - correct
                columns = {"domain": name, "correct": correct, "incorrect": incorrect}
                rows.append(_row(sentences, detector, columns, among, among))
    return Analysis(
        "by_domain",
        "By domain of the image",
        "AUROC within the images of one domain, over all generating models, and their mean score. "
        f"{INTERVAL_METHOD}",
        table_of(_DOMAINS, rows),
        Radar("domain", "detector", "auroc", "AUROC", 0.5),
        ("No image has a domain.",) if not sentences.domain.names else (),
        matrix=Matrix(("detector",), "domain", "auroc"),
    )


def _named(coded: Coded) -> Coded:
    """Returns a column in which what has no name is a last name of its own."""
    last = len(coded.names)
    return Coded((*coded.names, _NONE), np.where(coded.codes < 0, last, coded.codes))


def _row(
    sentences: Sentences,
    detector: Scored,
    columns: Mapping[str, Any],
    compared: Bools,
    averaged: Bools,
) -> dict[str, Any]:
    """Returns a row with the AUROC over some sentences, and the mean score of some."""
    images = len(sentences.image.names)
    of_image = sentences.image.codes
    auroc = pair_sums(
        detector.rank[compared], sentences.correct[compared], of_image[compared], images
    ).estimate()
    score = with_interval(
        {}, "mean", mean_of(detector.scores[averaged], of_image[averaged], images)
    )
    mean = {
        "detector": detector.name,
        "mean_score": score["mean"],
        "mean_low": score["low"],
        "mean_high": score["high"],
    }
    return with_interval({**columns, **mean, **class_images(auroc)}, "auroc", auroc)
