"""How far annotators agree beyond chance.

Source: J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin
76(5), 1971; its P_i takes each item's own number of votes, so items may differ in it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.release.columns.verdict_counts import Counts


class FleissKappa(NamedTuple):
    """Chance-corrected agreement over items.

    Attributes:
        items: Items that count: those with two votes or more.
        kappa: (P_bar - P_e) / (1 - P_e); None without items, or where all votes are one category.
        p_bar: Mean of the items' P_i; None without items.
        p_e: Sum of the squared shares of the categories among all votes on these items.
    """

    items: int
    kappa: float | None
    p_bar: float | None
    p_e: float | None


def item_agreement(counts: Counts) -> npt.NDArray[np.float64]:
    """Returns P_i of each item: the share of pairs of its votes that agree.

    P_i = (sum over categories of n_j squared - n) / (n (n - 1)), NaN below two votes.
    """
    votes = counts.sum(axis=1)
    agreeing = (counts * counts).sum(axis=1) - votes
    possible = (votes * (votes - 1)).astype(np.float64)
    shares: npt.NDArray[np.float64] = np.full(len(counts), np.nan)
    np.divide(agreeing, possible, out=shares, where=possible > 0)
    return shares


def fleiss_kappa(counts: Counts, times: Counts | None = None) -> FleissKappa:
    """Returns Fleiss' kappa of items that may have unequal numbers of votes.

    Args:
        counts: Votes per item and category; items with fewer than two votes are left out of P_bar
            and of P_e alike, so that both speak of the same items.
        times: How many items each row stands for, of shape (items,); one each if not given.
    """
    weights = np.ones(len(counts), dtype=np.int64) if times is None else times
    several = (counts.sum(axis=1) >= 2) & (weights > 0)
    counts, weights = counts[several], weights[several]
    items = int(weights.sum())
    if not items:
        return FleissKappa(0, None, None, None)
    p_bar = float(np.dot(item_agreement(counts), weights)) / items
    pooled = weights @ counts
    p_e = float(np.dot(pooled, pooled)) / float(pooled.sum()) ** 2
    kappa = (p_bar - p_e) / (1 - p_e) if np.count_nonzero(pooled) > 1 else None
    return FleissKappa(items, kappa, p_bar, p_e)
