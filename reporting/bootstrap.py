"""The bootstrap over images: sentences of one image are not independent, so images are drawn.

One resample draws as many images as there are, with replacement; a sentence counts as often as its
image was drawn. Every statistic of a report is computed on the same resamples, so that differences
are paired. The interval is the percentile interval.

Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL: Final = 0.95
_LEAST_SHARE: Final = 0.5
_KEPT_COUNTS: Final = 2_000_000
_BLOCK_COUNTS: Final = 1_000_000

Counts = npt.NDArray[np.uint16]
"""How often each image was drawn."""


class Interval(NamedTuple):
    """A 95 % interval; null where too few resamples have a value."""

    low: float | None
    high: float | None


class ImageBootstrap:
    """Resamples of the images of a report, drawn anew, and the same, each time they are used.

    Small sets of resamples are kept; of large ones memory is that of one, whatever their number.

    Args:
        images: How many images there are.
        resamples: How many resamples.
        seed: Of the draws.
    """

    def __init__(self, images: int, resamples: int = 1000, seed: int = 0) -> None:
        self.images, self.resamples, self._seed = images, resamples, seed
        self._kept: list[Counts] | None = None

    def __iter__(self) -> Iterator[Counts]:
        """Yields how often each image was drawn, for each resample."""
        if self.images * self.resamples > _KEPT_COUNTS:
            return self._drawn()
        if self._kept is None:
            self._kept = list(self._drawn())
        return iter(self._kept)

    def blocks(self) -> Iterator[Floats]:
        """Yields the same, several resamples at once: (some, images), bounded in memory."""
        size = max(1, _BLOCK_COUNTS // max(1, self.images))
        drawn = self._drawn()
        for start in range(0, self.resamples, size):
            rows = min(size, self.resamples - start)
            block = np.empty((rows, self.images))
            for row in block:
                row[:] = next(drawn)
            yield block

    def _drawn(self) -> Iterator[Counts]:
        random = np.random.default_rng(self._seed)
        for _ in range(self.resamples):
            drawn = random.integers(self.images, size=self.images)
            # Narrow, so that looking counts up stays in the processor's nearest cache.
            yield np.bincount(drawn, minlength=self.images).astype(np.uint16)


def percentiles(draws: Floats, least_share: float = 0.0) -> tuple[Floats, Floats]:
    """Returns the bounds of the 95 % intervals of statistics over the resamples.

    Args:
        draws: Shape (resamples, ...); NaN is a resample without a value, which is left out.
        least_share: There is no interval, but NaN, where a smaller share of the resamples has a
            value.
    """
    there = np.isfinite(draws)
    known = there.sum(axis=0)
    usable = (known > 0) & (known >= least_share * len(draws))
    nothing = np.full(draws.shape[1:], np.nan)
    if not usable.any():
        return nothing, nothing.copy()
    drawn = np.where(usable, np.where(there, draws, np.nan), 0.0)
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return np.where(usable, low, nothing), np.where(usable, high, nothing)


def interval(draws: Floats) -> Interval:
    """Returns the interval of one statistic over the resamples; NaN is a resample without a value.

    Null where fewer than half of the resamples have one: an interval of the others would tell of
    their selection.
    """
    low, high = percentiles(draws, _LEAST_SHARE)
    return Interval(None, None) if np.isnan(low) else Interval(float(low), float(high))


def two_sided_p(draws: Floats) -> float | None:
    """Returns the bootstrap p-value of a difference being zero.

    Twice the smaller share of resamples on one side of zero, counting one more, since a share of
    zero cannot be known from a finite number of resamples.
    """
    there = draws[np.isfinite(draws)]
    if len(there) < _LEAST_SHARE * len(draws) or not len(there):
        return None
    tail = min(np.count_nonzero(there <= 0), np.count_nonzero(there >= 0))
    return float(min(1.0, 2 * (tail + 1) / (len(there) + 1)))
