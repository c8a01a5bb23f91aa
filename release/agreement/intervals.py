"""Figures of sums over images with their intervals: sums are drawn again, and not the items."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.reporting.bootstrap import ImageBootstrap, percentiles

Reals = npt.NDArray[np.float64]

RESAMPLES: Final = 1000
_SEED: Final = 20250721
"""Released figures stand on it: another one would change them."""


class Interval(NamedTuple):
    """Figures with their percentile intervals, of one shape; NaN where they are not defined."""

    value: Reals
    low: Reals
    high: Reals


def intervals(
    sums: Reals,
    statistic: Callable[[Reals], tuple[Reals, ...]],
    resamples: int = RESAMPLES,
) -> tuple[Interval, ...]:
    """Returns each figure that a statistic gives, with its interval.

    Args:
        sums: What each image contributes, of shape (images, ..., terms).
        statistic: Gives figures of shape (...) from sums of shape (..., terms).
        resamples: How many times the images are drawn. Resamples where a figure is not defined are
            left out of its interval.
    """
    values = statistic(sums.sum(axis=0))
    if not len(sums):
        nothing = [np.full_like(value, np.nan) for value in values]
        return tuple(
            Interval(value, none, none) for value, none in zip(values, nothing, strict=True)
        )
    bootstrap = ImageBootstrap(len(sums), resamples, _SEED)
    drawn_sums = (np.tensordot(block, sums, 1) for block in bootstrap.blocks())
    blocks = [statistic(block.astype(np.float64, copy=False)) for block in drawn_sums]
    found = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    return tuple(_bounded(value, drawn) for value, drawn in zip(values, found, strict=True))


def _bounded(value: Reals, drawn: Reals) -> Interval:
    """Returns a figure with its interval, from what was drawn, of shape (resamples, ...)."""
    undefined = np.isnan(value)
    low, high = (np.where(undefined, np.nan, bound) for bound in percentiles(drawn))
    return Interval(value, low, high)
