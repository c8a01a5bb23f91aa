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
_BLOCK: Final = 1_000_000
"""Weights that are held at once."""


class Interval(NamedTuple):
    """Figures with their percentile intervals, of one shape; NaN where they are not defined."""

    value: Reals
    low: Reals
    high: Reals


def draws(groups: int, resamples: int = RESAMPLES, seed: int = _SEED) -> Iterator[Reals]:
    """Yields how often each group is in each resample, in blocks of shape (some, groups).

    The same numbers come with every run and every block size.
    """
    random = np.random.default_rng(seed)
    step = max(1, _BLOCK // max(groups, 1))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = random.integers(0, groups, (size, groups))
        drawn += np.arange(size)[:, None] * groups
        counts = np.bincount(drawn.ravel(), minlength=size * groups)
        yield counts.reshape(size, groups).astype(np.float64)


def intervals(
    sums: Reals,
    statistic: Callable[[Reals], tuple[Reals, ...]],
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Interval, ...]:
    """Returns each figure that a statistic gives, with its interval.

    Args:
        sums: What each group contributes, of shape (groups, ..., terms).
        statistic: Gives figures of shape (...) from sums of shape (..., terms).
        resamples: How many times the groups are drawn.
        level: Share of the resamples inside the interval. Resamples where a figure is not defined
            are left out of its interval.
    """
    values = statistic(sums.sum(axis=0))
    if not len(sums):
        nothing = [np.full_like(value, np.nan) for value in values]
        return tuple(
            Interval(value, none, none) for value, none in zip(values, nothing, strict=True)
        )
    drawn_sums = (np.tensordot(block, sums, 1) for block in draws(len(sums), resamples))
    blocks = [statistic(block.astype(np.float64, copy=False)) for block in drawn_sums]
    found = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    return tuple(
        Interval(value, *_bounds(value, drawn, level))
        for value, drawn in zip(values, found, strict=True)
    )


def _bounds(value: Reals, drawn: Reals, level: float) -> tuple[Reals, Reals]:
    """Returns the bounds of figures that were drawn, of shape (resamples, ...)."""
    undefined = np.isnan(value) | np.isnan(drawn).all(axis=0)
    drawn = np.where(undefined, np.float64(0), drawn)
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)
