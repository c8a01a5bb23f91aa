"""AUROC, means and shares of sentences that stand together on images, with jackknife estimates.

AUROC is the chance that a correct sentence scores above an incorrect one, ties counting half.
"""

from dataclasses import dataclass

import numpy as np

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints, ratio
from alignbench.reporting.jackknife import Estimate, Sample, ratio_of_sums

CORRECT_IMAGES, INCORRECT_IMAGES = (
    "images with correct sentences",
    "images with incorrect sentences",
)
IMAGES = "images"

_SPARSE = 8
"""With so many ranks for each sentence, ranking anew takes less time than counting by rank."""


@dataclass(frozen=True)
class PairSums:
    """Pairs of a correct and an incorrect sentence: all, and those in the right order.

    A pair in the right order is one whose correct sentence scores higher; a tie is half a pair.

    Attributes:
        pairs: How many there are.
        ordered: How many of them are in the right order.
        pairs_of_correct: By the image of the correct sentence; shape (images,).
        ordered_of_correct: Likewise.
        pairs_of_incorrect: By the image of the incorrect sentence.
        ordered_of_incorrect: Likewise.
        pairs_within: Those whose two sentences are about the same image.
        ordered_within: Likewise.
    """

    pairs: float
    ordered: float
    pairs_of_correct: Floats
    ordered_of_correct: Floats
    pairs_of_incorrect: Floats
    ordered_of_incorrect: Floats
    pairs_within: Floats
    ordered_within: Floats

    def estimate(self) -> Estimate:
        """Returns the AUROC over these pairs; NaN where one class is missing."""
        if not self.pairs:
            return Estimate.unknown(len(self.pairs_of_correct))
        value = self.ordered / self.pairs
        left_out = ratio(
            self.ordered
            - self.ordered_of_correct
            - self.ordered_of_incorrect
            + self.ordered_within,
            self.pairs - self.pairs_of_correct - self.pairs_of_incorrect + self.pairs_within,
        )
        samples = tuple(
            Sample((ordered - value * pairs) / self.pairs, pairs > 0, what)
            for ordered, pairs, what in (
                (self.ordered_of_correct, self.pairs_of_correct, CORRECT_IMAGES),
                (self.ordered_of_incorrect, self.pairs_of_incorrect, INCORRECT_IMAGES),
            )
        )
        return Estimate(value, left_out, samples, is_share=True)


def ranks_of(scores: Floats | Ints) -> Ints:
    """Returns the rank of each score, from 0; equal scores have one rank, and none is left out."""
    return np.unique(scores, return_inverse=True)[1].astype(np.int64)


def pair_sums(
    rank: Ints, correct: Bools, image: Ints, images: int, stratum: Ints | None = None
) -> PairSums:
    """Returns the sums over all pairs of a correct and an incorrect sentence.

    Args:
        rank: Of each sentence's score, as `ranks_of` gives it; of these sentences or of more.
        correct: Whether it is correct.
        image: Number of its image.
        images: How many images there are.
        stratum: Number of the stratum that it is in; pairs are within one. All are in one without.
    """
    stratum = np.zeros(len(rank), np.int64) if stratum is None else stratum
    strata = int(stratum.max(initial=0)) + 1
    key = stratum * (int(rank.max(initial=0)) + 1) + rank
    if int(key.max(initial=0)) > _SPARSE * len(key):
        key = ranks_of(key)
    keys = int(key.max(initial=0)) + 1
    cell = image * strata + stratum
    right, wrong = np.flatnonzero(correct), np.flatnonzero(~correct)
    right_in, wrong_in = (_counts(stratum[own], strata) for own in (right, wrong))
    below = _ranked_below(key[right], key[wrong], keys) - _earlier(wrong_in)[stratum[right]]
    not_above = _ranked_below(key[wrong], key[right], keys) - _earlier(right_in)[stratum[wrong]]
    right_of, wrong_of = (_counts(cell[own], images * strata) for own in (right, wrong))
    in_cells = cell * keys + key
    within = _below(in_cells[right], in_cells[wrong]) - _earlier(wrong_of)[cell[right]]
    return PairSums(
        pairs=float(right_in @ wrong_in),
        ordered=float(below.sum()),
        pairs_of_correct=sums_by_image(image[right], wrong_in[stratum[right]], images),
        ordered_of_correct=sums_by_image(image[right], below, images),
        pairs_of_incorrect=sums_by_image(image[wrong], right_in[stratum[wrong]], images),
        ordered_of_incorrect=sums_by_image(
            image[wrong], right_in[stratum[wrong]] - not_above, images
        ),
        pairs_within=(right_of * wrong_of).reshape(images, strata).sum(axis=1),
        ordered_within=sums_by_image(image[right], within, images),
    )


def _earlier(counts: Floats) -> Floats:
    """Returns for each count the sum of those before it."""
    return np.cumsum(counts) - counts


def mean_of(values: Floats, image: Ints, images: int, what: str = IMAGES) -> Estimate:
    """Returns the mean of items that stand together on images; NaN without an item.

    Args:
        values: Of each item.
        image: Number of its image.
        images: How many images there are.
        what: What images with such items are, for messages.
    """
    return share_of(
        sums_by_image(image, values, images), _counts(image, images), what, is_share=False
    )


def share_of(over: Floats, under: Floats, what: str = IMAGES, *, is_share: bool = True) -> Estimate:
    """Returns a ratio of two sums over images; NaN where the lower one is zero.

    Args:
        over: What each image adds to the upper sum; shape (images,).
        under: What it adds to the lower one.
        what: What images that add to the lower one are, for messages.
        is_share: Whether the ratio lies between 0 and 1.
    """
    return ratio_of_sums(over, under, what, is_share=is_share)


def _below(one: Ints, other: Ints) -> Floats:
    """Returns for each of the first how many of the second are below it, ties counting half."""
    if not len(other):
        return np.zeros(len(one))
    ordered = np.sort(other)
    lower = np.searchsorted(ordered, one, side="left")
    not_above = lower.copy()
    # Ties are few, and a search takes the longest of all.
    ties = np.flatnonzero(ordered[np.minimum(lower, len(ordered) - 1)] == one)
    not_above[ties] = np.searchsorted(ordered, one[ties], side="right")
    return np.asarray(0.5 * (lower + not_above))


def _ranked_below(one: Ints, other: Ints, ranks: int) -> Floats:
    """Returns what `_below` does, of ranks that are few enough to be counted."""
    counts = np.bincount(other, minlength=ranks)
    return np.asarray((counts.cumsum() - 0.5 * counts)[one])


def _counts(image: Ints, images: int) -> Floats:
    return np.bincount(image, minlength=images).astype(np.float64)


def sums_by_image(image: Ints, values: Floats | Bools, images: int) -> Floats:
    """Returns the sum of the values of each image; shape (images,)."""
    return np.bincount(image, values, minlength=images).astype(np.float64)
