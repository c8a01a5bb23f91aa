"""The bootstrap over images: sentences of one image are not independent, so images are drawn.

One resample draws as many images as there are, with replacement; a sentence counts as often as its
image was drawn. Every statistic of an evaluation is computed on the same resamples, so that
differences between detectors are paired. The interval is the percentile interval (Efron and
Tibshirani, 1993, "An Introduction to the Bootstrap", section 13.3).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.evaluation.statistics.arrays import Floats

LEVEL: Final = 0.95
_LEAST_SHARE: Final = 0.5
_KEPT_COUNTS: Final = 2_000_000

Counts = npt.NDArray[np.uint16]
"""How often each image was drawn."""


class Interval(NamedTuple):
    """A 95 % interval; null where too few resamples have a value."""

    low: float | None
    high: float | None


class ImageBootstrap:
    """Resamples of the images of an evaluation, drawn anew, and the same, each time they are used.

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

    def _drawn(self) -> Iterator[Counts]:
        random = np.random.default_rng(self._seed)
        for _ in range(self.resamples):
            drawn = random.integers(self.images, size=self.images)
            # Narrow, so that looking counts up stays in the processor's nearest cache.
            yield np.bincount(drawn, minlength=self.images).astype(np.uint16)


def interval(draws: Floats) -> Interval:
    """Returns the interval of one statistic over the resamples; NaN is a resample without a value.

    Null where fewer than half of the resamples have one: an interval of the others would tell of
    their selection.
    """
    there = draws[np.isfinite(draws)]
    if not len(draws) or len(there) < _LEAST_SHARE * len(draws):
        return Interval(None, None)
    low, high = np.quantile(there, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


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
