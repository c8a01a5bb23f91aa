"""Scores and labels that images have in common, drawn from a stated model.

An image adds an effect of its own to the scores of its sentences, and another to how often they are
correct. Scores are normal with unit variance, those of correct sentences shifted so that a correct
and an incorrect sentence of different images are in order with probability `auroc`.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.evaluation.statistics.clustered import pair_sums, ranks_of

SHARED_BY_SCORES, SHARED_BY_LABELS = 0.5, 0.3
"""Shares of the variance that an image's sentences have in common."""


class Setting(NamedTuple):
    """What is drawn: so many images, an AUROC, and a share of correct sentences."""

    images: int
    auroc: float
    correct: float


class Coverage(NamedTuple):
    """What came of the repetitions.

    Attributes:
        intervals: In how many there was an interval.
        covered: The share of these intervals that hold the truth.
        false_differences: The share of p-values below .05 between two detectors that are alike.
    """

    intervals: int
    covered: float
    false_differences: float


class Drawn(NamedTuple):
    """Scores of two detectors that are equally good, and the labels."""

    one: Floats
    other: Floats
    correct: Bools
    image: Ints


def drawn(setting: Setting, random: np.random.Generator) -> Drawn:
    """Draws a data set; an image has 3 to 11 sentences."""
    image = np.repeat(np.arange(setting.images), random.integers(3, 12, setting.images))
    count, normal = len(image), NormalDist()

    def with_effect(shared: float) -> tuple[Floats, float]:
        effect = math.sqrt(shared) * random.standard_normal(setting.images)
        return effect[image], math.sqrt(1 - shared)

    effect, own = with_effect(SHARED_BY_LABELS)
    latent = effect + own * random.standard_normal(count)
    correct = latent < normal.inv_cdf(setting.correct)
    shift = math.sqrt(2) * normal.inv_cdf(setting.auroc) * correct
    effect, own = with_effect(SHARED_BY_SCORES)
    one, other = (shift + effect + own * random.standard_normal(count) for _ in range(2))
    return Drawn(one, other, correct, image)


def coverage(setting: Setting, repetitions: int, seed: int) -> Coverage:
    """Returns how often intervals hold the truth, and how often differences are found in vain."""
    random = np.random.default_rng(seed)
    held, p_values = [], []
    for _ in range(repetitions):
        data = drawn(setting, random)
        one, other = (
            pair_sums(ranks_of(scores), data.correct, data.image, setting.images).estimate()
            for scores in (data.one, data.other)
        )
        low, high, _ = one.interval()
        if low is not None and high is not None:
            held.append(low <= setting.auroc <= high)
        p = (one - other).two_sided_p()
        if p is not None:
            p_values.append(p)
    return Coverage(len(held), float(np.mean(held)), float(np.mean(np.array(p_values) < 0.05)))
