"""Coefficients of agreement that all come from sums over items.

Each item (a sentence, or a word) contributes one row of numbers; a coefficient is a function of the
rows' sum. So items can be counted in any order and in parts, and a bootstrap draws sums of groups
again and not the items (`reporting.bootstrap`).

Sources:
    - J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin
      76(5), 1971.
    - K. Krippendorff, "Computing Krippendorff's alpha-reliability", 2011: nominal data, any number
      of coders, missing data.
    - K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high
      agreement", British Journal of Mathematical and Statistical Psychology 61, 2008; with items of
      one vote in the categories' prevalences, as in his "Handbook of Inter-Rater Reliability".
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.release.agreement.fleiss import item_agreement
from alignbench.release.columns.verdict_counts import Counts

Reals = npt.NDArray[np.float64]


class Coefficients(NamedTuple):
    """Agreement of one or of many sums; each array has the sums' leading shape, NaN if undefined.

    Attributes:
        percent: Mean share of agreeing pairs of votes, over items with two votes or more: P_bar.
        fleiss_kappa: (P_bar - P_e) / (1 - P_e), P_e from the pooled shares of the categories.
        krippendorff_alpha: 1 - D_o / D_e, nominal; items with one vote are left out.
        gwet_ac1: As kappa, with P_e = sum of pi_q (1 - pi_q) / (q - 1).
    """

    percent: Reals
    fleiss_kappa: Reals
    krippendorff_alpha: Reals
    gwet_ac1: Reals


def contributions(counts: Counts) -> Reals:
    """Returns what each item adds to the sums.

    Args:
        counts: Votes per item and category, of shape (items, categories).

    Returns:
        Shape (items, 2 categories + 4): whether it has two votes or more, its P_i, its agreeing
        pairs over (votes - 1), its votes by category - all these zero below two votes - and whether
        it has a vote, and the categories' shares of its votes.
    """
    votes = counts.sum(axis=1)
    several, rated = votes >= 2, votes >= 1
    agreeing = (counts * (counts - 1)).sum(axis=1)
    shares = counts / np.maximum(votes, 1)[:, None]
    return np.column_stack(
        [
            several,
            np.where(several, np.nan_to_num(item_agreement(counts)), 0.0),
            agreeing / np.maximum(votes - 1, 1),
            counts * several[:, None],
            rated,
            shares,
        ]
    ).astype(np.float64)


def coefficients(sums: Reals) -> Coefficients:
    """Returns the coefficients of sums of `contributions`.

    Args:
        sums: Shape (..., 2 categories + 4).
    """
    categories = (sums.shape[-1] - 4) // 2
    items, agreement, coincidences = sums[..., 0], sums[..., 1], sums[..., 2]
    votes, rated = sums[..., 3 : 3 + categories], sums[..., 3 + categories]
    shares = sums[..., 4 + categories :]
    total = votes.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = agreement / items
        pooled = ((votes / total[..., None]) ** 2).sum(axis=-1)
        observed = coincidences / total
        chance = (votes * (votes - 1)).sum(axis=-1) / (total * (total - 1))
        prevalence = shares / rated[..., None]
        spread = (prevalence * (1 - prevalence)).sum(axis=-1) / (categories - 1)
    return Coefficients(
        percent,
        _beyond_chance(percent, pooled),
        _beyond_chance(observed, chance),
        _beyond_chance(percent, spread),
    )


def agreement(counts: Counts) -> Coefficients:
    """Returns the coefficients of items; each array has no dimension."""
    return coefficients(contributions(counts).sum(axis=0))


def _beyond_chance(observed: Reals, chance: Reals) -> Reals:
    """Returns (observed - chance) / (1 - chance); NaN where chance alone explains everything."""
    room = 1 - chance
    found: Reals = np.full(np.shape(observed), np.nan)
    np.divide(observed - chance, room, out=found, where=room > _NO_ROOM)
    return found


_NO_ROOM = 1e-12
"""Below this, 1 - P_e is a rounding error: all votes are of one category."""
