"""AUROC: the chance that a correct sentence scores above an incorrect one, ties counting half.

`auroc` is scikit-learn's, for point estimates. `WeightedAuroc` gives the same for sentences that
count several times, of many groups at once and thousands of times over, for the bootstrap.
"""

import numpy as np
from sklearn.metrics import roc_auc_score

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints, ratio
from alignbench.reporting.bootstrap import Counts, ImageBootstrap


def auroc(scores: Floats, correct: Bools) -> float | None:
    """Returns the AUROC; None where one class is missing."""
    if correct.all() or not correct.any():
        return None
    return float(roc_auc_score(correct, scores))


class WeightedAuroc:
    """AUROC within groups, of sentences that are drawn by image.

    An incorrect sentence is compared with the correct ones of its *stratum*: its placement is the
    share of them that score above it, ties counting half. The AUROC of a *cell*, a set of incorrect
    sentences within one stratum, is the mean of their placements. Sorting is done once; a resample
    costs one pass over the sentences.

    Args:
        scores: One for each sentence, finite.
        correct: Whether it is correct.
        image: Number of its image.
        stratum: Number of its stratum, from 0.
        cell: Number of the cell of each incorrect sentence; what correct ones have is not looked
            at. A cell must not reach over strata. Its stratum if not given.
    """

    def __init__(
        self,
        scores: Floats,
        correct: Bools,
        image: Ints,
        stratum: Ints,
        cell: Ints | None = None,
    ) -> None:
        self.strata = int(stratum.max(initial=-1)) + 1
        right, wrong = _sorted(scores, stratum, correct), _sorted(scores, stratum, ~correct)
        self._right_image, self._wrong_image = image[right], image[wrong]
        # Within a stratum, correct sentences lie between these two, in the order of their scores.
        bounds = np.searchsorted(stratum[right], np.arange(self.strata + 1))
        self._starts, self._ends = bounds[:-1], bounds[1:]
        self._stratum = stratum[wrong]
        self._below, self._not_above = _places(
            scores[right], scores[wrong], self._stratum, self._starts, self._ends
        )
        self._cell = self._stratum if cell is None else cell[wrong]
        self.cells = self.strata if cell is None else int(cell.max(initial=-1)) + 1
        self._stratum_of_cell = np.zeros(self.cells, np.int64)
        self._stratum_of_cell[self._cell] = self._stratum

    def sums(self, weights: Floats | Counts) -> tuple[Floats, Floats]:
        """Returns, for each cell, the weight of pairs in the right order, and of all pairs.

        Args:
            weights: How often each image counts.
        """
        run = np.empty(len(self._right_image) + 1)
        run[0] = 0.0
        np.cumsum(weights[self._right_image], dtype=np.float64, out=run[1:])
        above = run[self._ends][self._stratum] - 0.5 * (run[self._below] + run[self._not_above])
        wrong = weights[self._wrong_image]
        ordered = np.bincount(self._cell, weights=wrong * above, minlength=self.cells)
        wrong_of_cell = np.bincount(self._cell, weights=wrong, minlength=self.cells)
        right_of_stratum = run[self._ends] - run[self._starts]
        pairs: Floats = wrong_of_cell * right_of_stratum[self._stratum_of_cell]
        return np.asarray(ordered, np.float64), pairs

    def values(self, weights: Floats | Counts) -> Floats:
        """Returns the AUROC of each cell; NaN where one class is missing."""
        return ratio(*self.sums(weights))

    def corrected(self, weights: Floats | Counts) -> float:
        """Returns the AUROC over all pairs of sentences that share a stratum; NaN without one."""
        ordered, pairs = self.sums(weights)
        return float(ratio(ordered.sum(), pairs.sum()))

    def draws(self, bootstrap: ImageBootstrap) -> Floats:
        """Returns `values` for each resample: (resamples, cells)."""
        return np.array([self.values(weights) for weights in bootstrap]).reshape(-1, self.cells)

    def corrected_draws(self, bootstrap: ImageBootstrap) -> Floats:
        """Returns `corrected` for each resample."""
        return np.array([self.corrected(weights) for weights in bootstrap])


def _sorted(scores: Floats, stratum: Ints, chosen: Bools) -> Ints:
    """Returns the chosen sentences in order of stratum, then score."""
    places = np.flatnonzero(chosen)
    order: Ints = places[np.lexsort((scores[places], stratum[places]))]
    return order


def _places(
    right: Floats, wrong: Floats, stratum: Ints, starts: Ints, ends: Ints
) -> tuple[Ints, Ints]:
    """Returns, for each incorrect sentence, up to where correct ones score below, and not above."""
    below, not_above = np.empty(len(wrong), np.int64), np.empty(len(wrong), np.int64)
    first = np.searchsorted(stratum, np.arange(len(starts) + 1))
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        own = slice(first[number], first[number + 1])
        below[own] = start + np.searchsorted(right[start:end], wrong[own], side="left")
        not_above[own] = start + np.searchsorted(right[start:end], wrong[own], side="right")
    return below, not_above
