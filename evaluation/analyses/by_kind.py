"""AUROC and mean score by hallucination type, and by the image's domain."""

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
    table_of,
    with_interval,
)
from alignbench.evaluation.scored import Coded, Scored, Sentences
from alignbench.evaluation.statistics.arrays import Floats
from alignbench.evaluation.statistics.auroc import WeightedAuroc
from alignbench.evaluation.statistics.means import group_means, mean_draws
from alignbench.reporting.bootstrap import ImageBootstrap

_NONE: Final = "none given"
_TYPES = {
    "detector": TEXT,
    "error_type": TEXT,
    "incorrect": COUNT,
    "auroc": NUMBER,
    **INTERVAL,
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
    "mean_score": NUMBER,
    "mean_low": NUMBER,
    "mean_high": NUMBER,
}


def by_type(
    sentences: Sentences, detectors: Sequence[Scored], bootstrap: ImageBootstrap
) -> Analysis:
    """Returns how well each type of hallucination is told from correct sentences."""
    names, codes = _named(sentences.error_type)
    rows = []
    for detector in detectors:
        there = detector.there
        scores, correct = detector.scores[there], sentences.correct[there]
        image, kind = sentences.image.codes[there], codes[there]
        weighted = WeightedAuroc(scores, correct, image, np.zeros_like(kind), kind)
        values, draws = weighted.values(np.ones(bootstrap.images)), weighted.draws(bootstrap)
        wrong = ~correct
        means = group_means(scores[wrong], kind[wrong], len(names))
        spread = mean_draws(scores[wrong], kind[wrong], len(names), image[wrong], bootstrap)
        for code in np.flatnonzero(means.counts).tolist():
            columns = {
                "detector": detector.name,
                "error_type": names[code],
                "incorrect": int(means.counts[code]),
                **_mean(float(means.values[code]), spread[:, code]),
            }
            rows.append(with_interval(columns, "auroc", float(values[code]), draws[:, code]))
    return Analysis(
        "by_type",
        "By hallucination type",
        "AUROC of all correct sentences against the incorrect ones of one type, over all "
        "generating models; and the mean score of those incorrect sentences, as in AlignBench "
        "(lower is better caught).",
        table_of(_TYPES, rows),
        Bars("error_type", "detector", "auroc", "AUROC", 0.5),
    )


def by_domain(
    sentences: Sentences, detectors: Sequence[Scored], bootstrap: ImageBootstrap
) -> Analysis:
    """Returns how well correct and incorrect sentences about one domain's images are told apart."""
    names, codes = _named(sentences.domain)
    rows = []
    for detector in detectors:
        there = detector.there
        scores, correct = detector.scores[there], sentences.correct[there]
        image, domain = sentences.image.codes[there], codes[there]
        weighted = WeightedAuroc(scores, correct, image, domain)
        values, draws = weighted.values(np.ones(bootstrap.images)), weighted.draws(bootstrap)
        means = group_means(scores, domain, len(names))
        spread = mean_draws(scores, domain, len(names), image, bootstrap)
        for code in np.flatnonzero(means.counts).tolist():
            own = domain == code
            columns = {
                "detector": detector.name,
                "domain": names[code],
                "correct": int(correct[own].sum()),
                "incorrect": int((~correct[own]).sum()),
                **_mean(float(means.values[code]), spread[:, code]),
            }
            rows.append(with_interval(columns, "auroc", float(values[code]), draws[:, code]))
    return Analysis(
        "by_domain",
        "By domain of the image",
        "AUROC within the images of one domain, over all generating models, and their mean score.",
        table_of(_DOMAINS, rows),
        Bars("domain", "detector", "auroc", "AUROC", 0.5),
        ("No image has a domain.",) if not sentences.domain.names else (),
    )


def _named(coded: Coded) -> Coded:
    """Returns a column in which what has no name is a last name of its own."""
    last = len(coded.names)
    return Coded((*coded.names, _NONE), np.where(coded.codes < 0, last, coded.codes))


def _mean(value: float, draws: Floats) -> dict[str, float | None]:
    """Returns the columns of a mean score with its interval."""
    found = with_interval({}, "mean", value, draws)
    return {"mean_score": found["mean"], "mean_low": found["low"], "mean_high": found["high"]}
