"""Average precision of words that are drawn by image: scikit-learn's, many times over."""

import numpy as np

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.reporting.bootstrap import Counts, ImageBootstrap


class WeightedAveragePrecision:
    """Average precision: the sum over thresholds of precision times the gain in recall.

    As `sklearn.metrics.average_precision_score`: items of one score come in together.

    Args:
        scores: Higher is more likely positive, finite.
        positive: Whether it is.
        image: Number of the image of each.
    """

    def __init__(self, scores: Floats, positive: Bools, image: Ints) -> None:
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        self._image, self._positive = image[order], positive[order].astype(np.float64)
        last = np.ones(len(ordered), bool)
        last[:-1] = ordered[1:] != ordered[:-1]
        self._ends = np.flatnonzero(last)

    def value(self, weights: Floats | Counts) -> float:
        """Returns the average precision; NaN without a positive.

        Args:
            weights: How often each image counts.
        """
        weight = weights[self._image]
        hits = np.cumsum(weight * self._positive)[self._ends]
        taken = np.cumsum(weight, dtype=np.float64)[self._ends]
        if not len(hits) or hits[-1] == 0:
            return float("nan")
        precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
        return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])

    def draws(self, bootstrap: ImageBootstrap) -> Floats:
        """Returns the value for each resample."""
        return np.array([self.value(weights) for weights in bootstrap])
