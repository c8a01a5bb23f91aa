"""How alike a model answers when a question is put in other words.

Over clusters with two or more scored variants. AlignMMBench's formula was never published; this
one is named, and `readings` gives what the published words can be read as.

`within_sd` is the root of the mean over clusters of s² (ddof 1), which does not depend on how many
variants a cluster has; the mean of standard deviations does. `alignment` = 1 / `within_sd`:
inverted once, never cluster by cluster, so that a cluster without variance is a zero and no
infinity.

A model whose scores lie near an end of the scale cannot vary much, so alignment rises with quality.
`consistency` is flat over the level: 1 - Σs² / Σ[(m - low)(high - m)·k/(k-1)], the lower sum being
the most that k scores of mean m can vary on the scale.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alignbench.judging.scores.judged import Judged
from alignbench.models.answers.scores import ScoreScale
from alignbench.reporting.jackknife import Bools, Estimate, Floats, Interval, Sample, ratio_of_sums

CLUSTERS = "clusters with two or more scored variants"


class Readings(NamedTuple):
    """What "the inverse of the variability within clusters" can mean; s with ddof 1.

    The mean of inverses is over clusters with variance only: the others would be infinite. None
    where no cluster has any.
    """

    inverse_of_mean_sd: float | None
    inverse_of_mean_variance: float | None
    mean_of_inverse_sd: float | None
    mean_of_inverse_variance: float | None


class WithoutJudgeNoise(NamedTuple):
    """`within_sd` and `alignment` with the judge's own variance taken off.

    Attributes:
        within_sd: None without two draws of every answer; 0 where the judge alone varies as much.
        alignment: None then too.
        floored: Whether the judge varied more than the clusters, so that 0 stands for less.
    """

    within_sd: float | None
    alignment: float | None
    floored: bool = False


@dataclass(frozen=True)
class Alignment:
    """How alike a model answers the variants of a question.

    Attributes:
        clusters: How many count: those with two or more scored variants.
        within_sd: See the head of the module; None without a cluster.
        within_sd_interval: By leaving out one cluster at a time, on the logarithm.
        alignment: Its inverse; None where no cluster has variance.
        alignment_interval: Likewise.
        consistency: A share, over clusters.
        without_variance: The share of clusters whose variants all have one score.
        without_judge_noise: The same figures corrected for the judge's own variance.
        readings: The published score, as its words can be read.
    """

    clusters: int
    within_sd: float | None
    within_sd_interval: Interval
    alignment: float | None
    alignment_interval: Interval
    consistency: Estimate
    without_variance: Estimate
    without_judge_noise: WithoutJudgeNoise
    readings: Readings


class _Spreads(NamedTuple):
    """Clusters with two or more scored variants: their sizes, means and variances."""

    size: Floats
    mean: Floats
    variance: Floats
    noise: Floats
    there: Bools


def alignment_of(judged: Judged, scale: ScoreScale) -> Alignment:
    """Returns how alike a model answers the variants of a question.

    Args:
        judged: Its scores.
        scale: The judge's.
    """
    spreads = _spreads(judged)
    count = np.count_nonzero(spreads.there)
    log_sd = _log_within_sd(spreads)
    within_sd: float | None
    alignment: float | None
    if math.isfinite(log_sd.value):
        within_sd, alignment = math.exp(log_sd.value), math.exp(-log_sd.value)
    else:
        within_sd, alignment = (0.0, None) if count else (None, None)
    low, high, why_null = log_sd.interval()
    if within_sd == 0:
        why_null = "No cluster varies, so the data do not tell how far off it may be."
    if low is None or high is None:
        of_sd = of_alignment = Interval(None, None, why_null)
    else:
        of_sd = Interval(math.exp(low), math.exp(high))
        of_alignment = Interval(math.exp(-high), math.exp(-low))
    room = (spreads.mean - scale.lowest) * (scale.highest - spreads.mean)
    most = np.where(spreads.there, room * spreads.size / np.maximum(spreads.size - 1, 1), 0.0)
    return Alignment(
        clusters=int(count),
        within_sd=within_sd,
        within_sd_interval=of_sd,
        alignment=alignment,
        alignment_interval=of_alignment,
        consistency=ratio_of_sums(most - spreads.variance, most, CLUSTERS, is_share=True),
        without_variance=ratio_of_sums(
            (spreads.there & (spreads.variance == 0)).astype(np.float64),
            spreads.there.astype(np.float64),
            CLUSTERS,
            is_share=True,
        ),
        without_judge_noise=_without_judge_noise(spreads),
        readings=_readings(spreads.variance[spreads.there]),
    )


def _spreads(judged: Judged) -> _Spreads:
    questions, rows = judged.questions, judged.there
    cluster, score = questions.cluster[rows], judged.score[rows]

    def sums(values: Floats) -> Floats:
        return np.bincount(cluster, values, minlength=questions.clusters).astype(np.float64)

    size = sums(np.ones(len(cluster)))
    mean = sums(score) / np.maximum(size, 1)
    there = size > 1
    lower = np.maximum(size - 1, 1)
    variance = np.where(there, sums((score - mean[cluster]) ** 2) / lower, 0.0)
    # A mean of equal scores may differ from them in its last bit.
    variance[variance < 1e-20] = 0.0
    noise = sums(judged.noise_variance[rows]) / np.maximum(size, 1)
    return _Spreads(size, mean, variance, noise, there)


def _log_within_sd(spreads: _Spreads) -> Estimate:
    variance, there = spreads.variance, spreads.there
    count = np.count_nonzero(there)
    total = float(variance.sum())
    if not total > 0:
        return Estimate.unknown(len(variance))
    with np.errstate(divide="ignore"):
        without = np.maximum(total - variance, 0) / max(count - 1, 1)
        left_out = np.where(there, 0.5 * np.log(without), 0.5 * math.log(total / count))
    influence = np.where(there, 0.5 * (variance * count / total - 1) / count, 0.0)
    value = 0.5 * math.log(total / count)
    return Estimate(value, left_out, (Sample(influence, there, CLUSTERS),))


def _without_judge_noise(spreads: _Spreads) -> WithoutJudgeNoise:
    noise = spreads.noise[spreads.there]
    if not len(noise) or np.isnan(noise).any():
        return WithoutJudgeNoise(None, None)
    rest = float((spreads.variance[spreads.there] - noise).mean())
    if rest <= 0:
        return WithoutJudgeNoise(0.0, None, floored=True)
    return WithoutJudgeNoise(math.sqrt(rest), 1 / math.sqrt(rest))


def _readings(variance: Floats) -> Readings:
    varying = variance[variance > 0]
    if not len(varying):
        return Readings(None, None, None, None)
    deviation = np.sqrt(varying)
    return Readings(
        float(len(variance) / deviation.sum()),
        float(len(variance) / varying.sum()),
        float((1 / deviation).mean()),
        float((1 / varying).mean()),
    )
