"""AUROC, means and shares of sentences that stand together on images, with jackknife estimates.

AUROC is the chance that a correct sentence scores above an incorrect one, ties counting half.
"""

from dataclasses import dataclass, fields
from typing import Self

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
    Sums of several sets of pairs, such as those of each position, are added with `+`.

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

    def __add__(self, other: Self) -> Self:
        """Returns the sums over both sets of pairs."""
        added = (getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        return type(self)(*added)

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


def pair_sums(rank: Ints, correct: Bools, image: Ints, images: int) -> PairSums:
    """Returns the sums over all pairs of a correct and an incorrect sentence.

    Args:
        rank: Of each sentence's score, as `ranks_of` gives it; of these sentences or of more.
        correct: Whether it is correct.
        image: Number of its image.
        images: How many images there are.
    """
    ranks = int(rank.max(initial=0)) + 1
    if ranks > _SPARSE * len(rank):  # of many more sentences than these
        rank = ranks_of(rank)
        ranks = int(rank.max(initial=0)) + 1
    right, wrong = rank[correct], rank[~correct]
    right_image, wrong_image = image[correct], image[~correct]
    below = _ranked_below(right, wrong, ranks)  # of each correct sentence
    above = len(right) - _ranked_below(wrong, right, ranks)  # of each incorrect one
    right_of, wrong_of = (_counts(own, images) for own in (right_image, wrong_image))
    of_earlier_images = np.cumsum(wrong_of) - wrong_of
    within = (
        _below(right + right_image * ranks, wrong + wrong_image * ranks)
        - of_earlier_images[right_image]
    )
    return PairSums(
        pairs=float(len(right) * len(wrong)),
        ordered=float(below.sum()),
        pairs_of_correct=right_of * len(wrong),
        ordered_of_correct=sums_by_image(right_image, below, images),
        pairs_of_incorrect=wrong_of * len(right),
        ordered_of_incorrect=sums_by_image(wrong_image, above, images),
        pairs_within=right_of * wrong_of,
        ordered_within=sums_by_image(right_image, within, images),
    )


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
