"""Intervals by leaving out one cluster at a time: sentences of one image are not independent.

A figure is computed again without each cluster (an image, or a group of variants); how far it moves
tells how far another sample would move it. Nothing is drawn, so the same data gives the same
interval. With few clusters the estimated variance is itself uncertain, which Student's t answers;
its degrees of freedom follow Satterthwaite where a figure compares two samples whose clusters
differ in number, such as the images that hold correct and those that hold incorrect sentences.

Sources:
    - B. Efron and C. Stein, "The jackknife estimate of variance", Annals of Statistics 9(3), 1981.
    - N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53(2),
      1997: the two components of an AUROC's variance.
    - F. E. Satterthwaite, "An approximate distribution of estimates of variance components",
      Biometrics Bulletin 2(6), 1946.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEVEL: Final = 0.95
FEWEST_CLUSTERS: Final = 5
"""Below so many clusters an interval would claim what nobody can know."""


class Interval(NamedTuple):
    """A 95 % interval; null, with the reason, where none can be trusted."""

    low: float | None
    high: float | None
    why_null: str | None = None


@dataclass(frozen=True)
class Sample:
    """One sample of clusters that a figure depends on.

    Attributes:
        influence: How far each cluster pulls the figure, by its items of this sample; they sum to
            zero. Shape (clusters,).
        there: Which clusters have such items.
        what: What such items are, for messages, in the plural: `images with incorrect sentences`.
    """

    influence: Floats
    there: Bools
    what: str

    @cached_property
    def clusters(self) -> int:
        """How many clusters have such items."""
        return int(np.count_nonzero(self.there))

    def variance(self) -> float:
        """Returns this sample's share of the figure's variance."""
        size = self.clusters
        return float(np.square(self.influence).sum()) * size / (size - 1) if size > 1 else math.nan


@dataclass(frozen=True)
class Estimate:
    """A figure, and the same without each cluster.

    Attributes:
        value: The figure; NaN where it is not defined.
        left_out: The figure without each cluster; shape (clusters,).
        samples: What it depends on.
        is_share: Whether it lies between 0 and 1, so that its interval must too.
        distrust: Why a figure that it was computed from has no interval, if one has none.
    """

    value: float
    left_out: Floats
    samples: tuple[Sample, ...]
    is_share: bool = False
    distrust: str | None = None

    @classmethod
    def unknown(cls, clusters: int) -> Self:
        """Returns the figure of no items."""
        return cls(math.nan, np.full(clusters, math.nan), ())

    def __sub__(self, other: "Estimate") -> "Estimate":
        """Returns the difference of two figures of the same clusters, which is a paired one."""
        return combined([self, other], lambda one, two: one - two, (1.0, -1.0))

    def standard_error(self) -> float:
        """Returns the jackknife standard error; NaN where the figure needs a single cluster."""
        return self._standard_error

    @cached_property
    def _standard_error(self) -> float:
        there = np.any([sample.there for sample in self.samples], axis=0)
        count = np.count_nonzero(there)
        if count < 2:
            return math.nan
        moved = self.left_out[there] - self.value
        return math.sqrt(float(np.square(moved).sum()) * (count - 1) / count)

    def degrees_of_freedom(self) -> float:
        """Returns Satterthwaite's degrees of freedom; NaN where a sample has a single cluster."""
        variances = np.array([sample.variance() for sample in self.samples])
        sizes = np.array([sample.clusters for sample in self.samples])
        if not variances.sum() > 0:
            return float(sizes.min() - 1) if len(sizes) else math.nan
        return float(variances.sum() ** 2 / (variances**2 / (sizes - 1)).sum())

    def interval(self) -> Interval:
        """Returns the 95 % interval; of a share by way of its logit, so it ends within 0 and 1."""
        if math.isnan(self.value):
            return Interval(None, None, None)
        if (reason := self.why_no_interval()) is not None:
            return Interval(None, None, reason)
        quantile = float(special.stdtrit(self.degrees_of_freedom(), (1 + LEVEL) / 2))
        margin = quantile * self.standard_error()
        if not self.is_share:
            return Interval(self.value - margin, self.value + margin)
        logit = math.log(self.value / (1 - self.value))
        margin /= self.value * (1 - self.value)
        low, high = (1 / (1 + math.exp(-bound)) for bound in (logit - margin, logit + margin))
        return Interval(low, high)

    def two_sided_p(self) -> float | None:
        """Returns the p-value of the figure being zero; None where there is no interval."""
        if math.isnan(self.value) or self.why_no_interval() is not None:
            return None
        ratio = abs(self.value) / self.standard_error()
        return float(2 * special.stdtr(self.degrees_of_freedom(), -ratio))

    def why_no_interval(self) -> str | None:
        """Returns why the figure has no interval that can be trusted; None if it has one."""
        return self._why_no_interval

    @cached_property
    def _why_no_interval(self) -> str | None:
        if self.distrust is not None:
            return self.distrust
        for sample in self.samples:
            if sample.clusters < FEWEST_CLUSTERS:
                return f"Fewer than {FEWEST_CLUSTERS} {sample.what}: {sample.clusters}."
        if self.is_share and self.value in (0, 1):
            return f"At {self.value:g} the data say nothing of how far off it may be."
        error = self.standard_error()
        if not math.isfinite(error):
            return "It is not defined without one of the clusters."
        if error == 0:
            return "No cluster moves it, so the data do not tell how far off it may be."
        return None


def ratio_of_sums(over: Floats, under: Floats, what: str, *, is_share: bool) -> Estimate:
    """Returns a ratio of two sums over clusters; NaN where the lower one is not positive.

    Args:
        over: What each cluster adds to the upper sum; shape (clusters,).
        under: What it adds to the lower one.
        what: What clusters that add to the lower one are, for messages.
        is_share: Whether the ratio lies between 0 and 1.
    """
    top, bottom = float(over.sum()), float(under.sum())
    if not bottom > 0:
        return Estimate.unknown(len(under))
    value = top / bottom
    rest = bottom - under
    left_out = np.full(len(under), math.nan)
    np.divide(top - over, rest, out=left_out, where=rest > 0)
    sample = Sample((over - value * under) / bottom, under > 0, what)
    return Estimate(value, left_out, (sample,), is_share)


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Returns the unweighted mean of several figures of the same clusters."""
    count = len(estimates)
    found = combined(estimates, lambda *values: sum(values) / count, [1 / count] * count)
    return replace(found, is_share=all(estimate.is_share for estimate in estimates))


def quotient(over: Estimate, under: Estimate) -> Estimate:
    """Returns the quotient of two figures of the same clusters; unknown if it is by nothing."""
    if under.value == 0:
        return Estimate.unknown(len(under.left_out))
    slopes = (1 / under.value, -over.value / under.value**2)
    return combined([over, under], lambda one, two: one / two, slopes)


def combined(
    estimates: Sequence[Estimate],
    function: Callable[..., Any],
    slopes: Sequence[float],
) -> Estimate:
    """Returns a function of several figures of the same clusters.

    Args:
        estimates: The figures; those that depend on samples depend on samples of the same kinds.
        function: Of the values, or of the values without each cluster.
        slopes: Its derivative by each figure, at the values.
    """
    if any(math.isnan(estimate.value) for estimate in estimates):
        return Estimate.unknown(len(estimates[0].left_out))
    samples = tuple(
        Sample(
            np.sum([s * e.influence for s, e in zip(slopes, same, strict=True)], axis=0),
            np.any([e.there for e in same], axis=0),
            same[0].what,
        )
        for same in zip(*(estimate.samples for estimate in estimates), strict=True)
    )
    return Estimate(
        float(function(*(estimate.value for estimate in estimates))),
        np.asarray(function(*(estimate.left_out for estimate in estimates))),
        samples,
        distrust=next(filter(None, (e.why_no_interval() for e in estimates)), None),
    )
