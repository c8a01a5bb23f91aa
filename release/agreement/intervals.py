"""Figures of sums over images, with their intervals: sums are left out, and not the items."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.reporting.jackknife import Estimate, Sample

Reals = npt.NDArray[np.float64]

JACKKNIFE: Final = "jackknife over images"
"""How intervals are come by, as `release.json` says it."""


class Interval(NamedTuple):
    """Figures with their 95 % intervals, of one shape; NaN where there is none."""

    value: Reals
    low: Reals
    high: Reals


def intervals(sums: Reals, statistic: Callable[[Reals], tuple[Reals, ...]]) -> tuple[Interval, ...]:
    """Returns each figure that a statistic gives, with its interval.

    Args:
        sums: What each image contributes, of shape (images, ..., terms).
        statistic: Gives figures of shape (...) from sums of shape (..., terms).
    """
    total = sums.sum(axis=0)
    there = np.any(sums != 0, axis=-1)
    values, left_out = statistic(total), statistic(total - sums)
    return tuple(_bounded(*figure, there) for figure in zip(values, left_out, strict=True))


def _bounded(value: Reals, left_out: Reals, there: npt.NDArray[np.bool_]) -> Interval:
    figures = value.size
    without, of = left_out.reshape(-1, figures), there.reshape(-1, figures)
    bounds = np.full((2, figures), np.nan)
    for place, figure in enumerate(value.ravel().tolist()):
        sample = Sample(without[:, place] - figure, of[:, place], "images with several votes")
        low, high, _ = Estimate(figure, without[:, place], (sample,)).interval()
        if low is not None and high is not None:
            bounds[:, place] = low, high
    return Interval(value, *bounds.reshape(2, *value.shape))
