"""Percentile intervals by a bootstrap over groups: whole images are drawn again, not sentences.

Sentences of one image are not independent, so an interval over sentences would be too narrow.
Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
_SEED: Final = 20250721
_BLOCK: Final = 4_000_000
"""Weights that are held at once."""


class Interval(NamedTuple):
    """A figure with its percentile interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def draws(groups: int, resamples: int = RESAMPLES, seed: int = _SEED) -> Iterator[Reals]:
    """Yields how often each group is in each resample, in blocks of shape (some, groups).

    The same numbers come with every run and every block size.
    """
    random = np.random.default_rng(seed)
    step = max(1, _BLOCK // max(groups, 1))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        block = np.empty((size, groups))
        for row in block:
            row[:] = np.bincount(random.integers(0, groups, groups), minlength=groups)
        yield block


def intervals(
    sums: Reals,
    statistic: Callable[[Reals], tuple[Reals, ...]],
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> list[Interval]:
    """Returns each figure that a statistic gives, with its interval.

    Args:
        sums: What each group contributes, of shape (groups, terms).
        statistic: Gives figures of shape (...) from sums of shape (..., terms).
        resamples: How many times the groups are drawn.
        level: Share of the resamples inside the interval. Resamples where a figure is not defined
            are left out of its interval.
    """
    values = [float(value) for value in statistic(sums.sum(axis=0))]
    if not len(sums):
        return [Interval(value, np.nan, np.nan) for value in values]
    blocks = [statistic(block @ sums) for block in draws(len(sums), resamples)]
    found = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    return [_interval(value, drawn, level) for value, drawn in zip(values, found, strict=True)]


def _interval(value: float, drawn: Reals, level: float) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    if not len(defined) or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
