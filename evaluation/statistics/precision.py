"""Average precision of items that stand together on images: scikit-learn's, with a jackknife.

Source of the linear form: L. A. Jaeckel, "The infinitesimal jackknife", Bell Laboratories, 1972.
"""

from typing import Final

import numpy as np
from sklearn.metrics import average_precision_score

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.evaluation.statistics.clustered import sums_by_image
from alignbench.reporting.jackknife import Estimate, Sample

_MOST_GROUPS: Final = 200
"""Images are left out in so many groups at the most: each costs a sort of all words."""


def average_precision(scores: Floats, positive: Bools, image: Ints, images: int) -> Estimate:
    """Returns the average precision; NaN without a positive.

    Args:
        scores: Higher is more likely positive, finite.
        positive: Whether it is.
        image: Number of the image of each.
        images: How many images there are; many are left out in groups, those next to each other in
            order going into different ones.
    """
    if not positive.any():
        return Estimate.unknown(images)
    value = float(average_precision_score(positive, scores))
    found = np.unique(image)
    groups = min(len(found), _MOST_GROUPS)
    group = np.searchsorted(found, image) % groups
    left_out = np.full(images, value)
    for number in range(groups):
        kept = group != number
        has_one = positive[kept].any()
        left_out[found[number]] = (
            average_precision_score(positive[kept], scores[kept]) if has_one else np.nan
        )
    there = np.zeros(images, bool)
    there[found[:groups]] = True
    sample = Sample(left_out - value, there, "images with scored words")
    return Estimate(value, left_out, (sample,), is_share=True)


def linear_average_precision(
    scores: Floats, positive: Bools, image: Ints, images: int, what: str
) -> Estimate:
    """Returns the same by one sort, however many images: NaN without a positive.

    How far each image pulls is the derivative in its weight, which leaving it out follows but for
    terms of the second order.

    Args:
        scores: Higher is more likely positive, finite.
        positive: Whether it is.
        image: Number of the image of each.
        images: How many images there are.
        what: What images with such items are, for messages.
    """
    count = int(np.count_nonzero(positive))
    if not count:
        return Estimate.unknown(images)
    order = np.argsort(-scores, kind="stable")
    ranked, of_rank = scores[order], positive[order].astype(np.float64)
    # Items of one score pass a threshold together.
    first = np.searchsorted(-ranked, -ranked, side="left")
    last = np.searchsorted(-ranked, -ranked, side="right")
    passed = last.astype(np.float64)
    precision = np.cumsum(of_rank)[last - 1] / passed
    value = float((of_rank * precision).sum() / count)
    # An item stands in the precision at every positive that scores no higher than it does.
    by_passed = _from_here_on(of_rank / passed)[first]
    by_precision = _from_here_on(of_rank * precision / passed)[first]
    pull = of_rank * (precision - value + by_passed) - by_precision
    influence = sums_by_image(image[order], pull / count, images)
    there = np.bincount(image, minlength=images) > 0
    sample = Sample(influence, there, what)
    return Estimate(value, value - influence, (sample,), is_share=True)


def _from_here_on(values: Floats) -> Floats:
    """Returns for each place the sum of its value and of all behind it."""
    return np.cumsum(values[::-1])[::-1]
