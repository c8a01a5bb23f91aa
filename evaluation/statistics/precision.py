"""Average precision of words that stand together on images: scikit-learn's, with a jackknife."""

from typing import Final

import numpy as np
from sklearn.metrics import average_precision_score

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
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
