"""What asking for votes as they are needed would have made of sentences that got all votes.

A sentence of the control sample has all its votes, whatever the first ones said. So it can be told
where asking would have stopped, and whether the label of then is that of all votes. Which of its
votes would have been the first is by chance: every order is taken, each with equal weight, so that
the result depends on none.
"""

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.smoothed import SmoothedFit
from alignbench.schemas.vocabulary import Verdict

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST_REPLAYED: Final = 10
"""Of sentences with more votes, so many are replayed: there are 2 to that power ways to stop."""
_AT_ONCE: Final = 256
_TIED: Final = 1e-9


class Stops(NamedTuple):
    """Where asking would have stopped, by sentence and number of votes at which it would.

    Attributes:
        weight: How likely it would have stopped there, of shape (sentences, numbers of votes); the
            last number is all votes, where asking ends in any case. Rows sum to 1.
        same: How likely it would have stopped there with the label that all votes make.
        claimed: That likelihood times the confidence of the label of then.
    """

    weight: Floats
    same: Floats
    claimed: Floats


def replay(
    fit: SmoothedFit, annotators: Ints, verdicts: Ints, *, first: int, until: float
) -> Stops:
    """Replays sentences that all have equally many votes.

    Args:
        fit: To all votes, of these and of other sentences.
        annotators: Who gave each vote, as in `fit`, of shape (sentences, votes).
        verdicts: What they said, as numbers of `VERDICTS`, of the same shape.
        first: How many votes are asked for before it is looked at.
        until: The confidence at which no further one is asked for.
    """
    nothing = np.zeros((0, replayed_votes(annotators.shape[1], first) - first + 1))
    parts = [Stops(nothing, nothing, nothing)] + [
        _replayed(fit, annotators[start:][:_AT_ONCE], verdicts[start:][:_AT_ONCE], first, until)
        for start in range(0, len(annotators), _AT_ONCE)
    ]
    return Stops(*(np.concatenate(found) for found in zip(*parts, strict=True)))


def replayed_votes(votes: int, first: int) -> int:
    """Returns how many of a sentence's votes are replayed."""
    return min(votes, max(first, MOST_REPLAYED))


def _replayed(
    fit: SmoothedFit, annotators: Ints, verdicts: Ints, first: int, until: float
) -> Stops:
    logs = fit.log_likelihood[annotators, verdicts]
    full_label, _ = _decided(fit.log_prevalence + logs.sum(axis=1))
    votes = replayed_votes(annotators.shape[1], first)
    shape = len(annotators), votes - first + 1
    found = Stops(np.zeros(shape), np.zeros(shape), np.zeros(shape))
    whole: Floats = np.full(len(annotators), 1 / comb(votes, first))
    reached: dict[int, Floats] = dict.fromkeys(_subsets(votes, first), whole)
    for size in range(first, votes + 1):
        further: dict[int, Floats] = {}
        for chosen, weight in reached.items():
            members = [place for place in range(votes) if chosen >> place & 1]
            label, confidence = _decided(fit.log_prevalence + logs[:, members].sum(axis=1))
            is_sure = confidence >= until if size < votes else np.ones(len(weight), bool)
            stopped = weight * is_sure
            found.weight[:, size - first] += stopped
            found.same[:, size - first] += stopped * (label == full_label)
            found.claimed[:, size - first] += stopped * confidence
            for place in range(votes):
                if not chosen >> place & 1 and size < votes:
                    share = (weight - stopped) / (votes - size)
                    larger = chosen | 1 << place
                    further[larger] = further.get(larger, np.zeros(len(weight))) + share
        reached = further
    return found


def _subsets(places: int, size: int) -> Iterator[int]:
    """Yields the subsets of a size, as numbers whose bits are their members."""
    for members in combinations(range(places), size):
        yield sum(1 << place for place in members)


def _decided(logs: Floats) -> tuple[Ints, Floats]:
    """Returns the most probable verdicts, a tie being unknown, and how probable they are."""
    scaled = np.exp(logs - logs.max(axis=1, keepdims=True))
    scaled /= scaled.sum(axis=1, keepdims=True)
    best = scaled.max(axis=1)
    is_tied = (scaled > best[:, None] - _TIED).sum(axis=1) > 1
    label = np.where(is_tied, VERDICTS.index(Verdict.UNKNOWN), scaled.argmax(axis=1))
    return label, best
