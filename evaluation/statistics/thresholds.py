"""Thresholds and probabilities that are found on other images than those they are used on."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from sklearn.isotonic import IsotonicRegression

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints, ratio

PARTS: Final = 5
"""Images are parted so; what is used on one part is found on the others."""

Measure = Callable[[Floats, Floats, float, float], Floats]
"""From hits, false alarms, positives and negatives to what is to be as high as can be."""


def balanced_accuracy(
    hits: Floats, false_alarms: Floats, positives: float, negatives: float
) -> Floats:
    """Returns the mean of the shares of positives and of negatives that are told right."""
    return (hits / positives + 1 - false_alarms / negatives) / 2


def f1(hits: Floats, false_alarms: Floats, positives: float, negatives: float) -> Floats:  # noqa: ARG001
    """Returns the harmonic mean of precision and recall."""
    return ratio(2 * hits, hits + false_alarms + positives)


def flagged_elsewhere(scores: Floats, correct: Bools, image: Ints, measure: Measure) -> Bools:
    """Returns which sentences are flagged: their score is at or below the other images' threshold.

    Args:
        scores: Lower is more likely incorrect, finite.
        correct: Whether the sentence is.
        image: Number of its image.
        measure: What the threshold makes as high as can be; incorrect sentences are positive.
    """
    flagged = np.zeros(len(scores), bool)
    for own in _parts(image):
        flagged[own] = scores[own] <= best_threshold(scores[~own], correct[~own], measure)
    return flagged


def best_threshold(scores: Floats, correct: Bools, measure: Measure) -> float:
    """Returns the score up to which sentences are best flagged; none are if a class is missing."""
    incorrect = int(np.count_nonzero(~correct))
    if incorrect in (0, len(correct)):
        return -np.inf
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(~correct[order])[ends].astype(np.float64)
    found = measure(hits, ends + 1 - hits, float(incorrect), float(len(correct) - incorrect))
    best = int(ends[int(np.nanargmax(found))])
    # Between two scores, so that neither of them decides by its last digit.
    return float(ranked[best : best + 2].mean())


def probabilities_elsewhere(scores: Floats, correct: Bools, image: Ints) -> Floats:
    """Returns the probability of being correct that a rising curve, fitted elsewhere, gives."""
    found = np.full(len(scores), np.nan)
    for own in _parts(image):
        if not own.all():
            curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
            curve.fit(scores[~own], correct[~own].astype(np.float64))
            found[own] = curve.predict(scores[own])
    return found


def _parts(image: Ints) -> Iterator[Bools]:
    """Yields the items of each part of the images that has one; the same for the same images."""
    found, place = np.unique(image, return_inverse=True)
    for part in range(min(PARTS, len(found))):
        yield place % PARTS == part
