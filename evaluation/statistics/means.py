"""Means of groups, and the same on each resample of the images."""

from typing import NamedTuple

import numpy as np

from alignbench.evaluation.statistics.arrays import Floats, Ints, ratio
from alignbench.reporting.bootstrap import ImageBootstrap


class Means(NamedTuple):
    """Mean and number of items of each group; the mean of none is NaN."""

    values: Floats
    counts: Ints


def group_means(values: Floats, group: Ints, groups: int) -> Means:
    """Returns the mean of each group.

    Args:
        values: Of each item.
        group: Number of each item's group, from 0.
        groups: How many groups there are.
    """
    counts: Ints = np.bincount(group, minlength=groups).astype(np.int64)
    return Means(ratio(np.bincount(group, values, minlength=groups), counts), counts)


def mean_draws(
    values: Floats, group: Ints, groups: int, image: Ints, bootstrap: ImageBootstrap
) -> Floats:
    """Returns the mean of each group for each resample: (resamples, groups).

    Items of one image and group are summed once, since they are drawn together.
    """
    pair, place = np.unique(image * groups + group, return_inverse=True)
    sums, counts = np.bincount(place, values), np.bincount(place).astype(np.float64)
    of_image, of_group = np.divmod(pair, groups)
    found = np.empty((bootstrap.resamples, groups))
    for number, weights in enumerate(bootstrap):
        weight = weights[of_image]
        found[number] = ratio(
            np.bincount(of_group, weight * sums, minlength=groups),
            np.bincount(of_group, weight * counts, minlength=groups),
        )
    return found
