"""What the votes on one sentence come to on one of the pages; None where they say nothing of it."""

from collections.abc import Callable, Sequence
from itertools import combinations, product
from statistics import fmean
from typing import NamedTuple

from alignbench.annotation.unit_comparison.double_votes import DoubleVotes, Mark, Vote
from alignbench.schemas.rows.annotation import Gold
from alignbench.schemas.vocabulary import Verdict

OfVotes = Callable[[Sequence[Vote], Gold | None], float | None]
"""What the votes on one page come to, given the answer if it is known."""


class Pair(NamedTuple):
    """What is so of a sentence when it is asked about alone, and in its caption."""

    alone: float
    in_caption: float


def on_both_pages(votes: DoubleVotes, figure: OfVotes) -> Pair | None:
    """Returns a figure of a sentence on both pages; None if there is none on one of them."""
    alone = figure(votes.alone, votes.known)
    in_caption = figure(votes.in_caption, votes.known)
    return None if alone is None or in_caption is None else Pair(alone, in_caption)


def against_the_sentence_page(votes: DoubleVotes) -> Pair | None:
    """Returns how often a vote is that of somebody who was asked about the sentence alone.

    One such vote is compared with each other one, and each vote on the caption with each of them; a
    person is not compared with themselves.
    """
    pairs = [
        (one, other)
        for one, other in product(votes.alone, votes.in_caption)
        if one.annotator != other.annotator
    ]
    alone = agreement(votes.alone, None)
    return None if alone is None or not pairs else Pair(alone, _agreeing(pairs))


def share_of(verdict: Verdict) -> OfVotes:
    """Returns the figure: how many of the votes are this verdict."""

    def share(votes: Sequence[Vote], _: Gold | None) -> float:
        return fmean(vote.verdict is verdict for vote in votes)

    return share


def agreement(votes: Sequence[Vote], _: Gold | None) -> float | None:
    """Returns how many pairs of people give the same verdict."""
    return _agreeing(list(combinations(votes, 2))) if len(votes) > 1 else None


def seconds(votes: Sequence[Vote], _: Gold | None) -> float | None:
    """Returns the mean time of a vote."""
    times = [vote.seconds for vote in votes if vote.seconds is not None]
    return fmean(times) if times else None


def actions(votes: Sequence[Vote], _: Gold | None) -> float:
    """Returns the mean of the fewest keys and marks for a vote."""
    return fmean(vote.actions for vote in votes)


def answered_of(known: Verdict, answered: Verdict) -> OfVotes:
    """Returns the figure: of a sentence known to be one thing, how many say another."""

    def share(votes: Sequence[Vote], gold: Gold | None) -> float | None:
        if gold is None or gold.verdict is not known:
            return None
        return fmean(vote.verdict is answered for vote in votes)

    return share


def unknown_of_decided(votes: Sequence[Vote], gold: Gold | None) -> float | None:
    """Returns how many call a sentence unknown that is known to be right or wrong."""
    if gold is None or gold.verdict is Verdict.UNKNOWN:
        return None
    return fmean(vote.verdict is Verdict.UNKNOWN for vote in votes)


def right(votes: Sequence[Vote], gold: Gold | None) -> float | None:
    """Returns how many give the verdict that is known to be right."""
    return None if gold is None else fmean(vote.verdict is gold.verdict for vote in votes)


def seconds_where_known(votes: Sequence[Vote], gold: Gold | None) -> float | None:
    """Returns the mean time of a vote on a sentence whose answer is known."""
    return None if gold is None else seconds(votes, gold)


def span_f1(votes: Sequence[Vote], gold: Gold | None) -> float | None:
    """Returns the mean F1, by character, of what is marked and what is known to be wrong.

    A vote that marks nothing has 0.
    """
    if gold is None or not gold.spans:
        return None
    wrong = _characters([Mark(span.start, span.end) for span in gold.spans])
    return fmean(_f1(_characters(vote.marks), wrong) for vote in votes)


def _agreeing(pairs: Sequence[tuple[Vote, Vote]]) -> float:
    return fmean(one.verdict is other.verdict for one, other in pairs)


def _characters(marks: Sequence[Mark]) -> set[int]:
    return {place for mark in marks for place in range(mark.start, mark.end)}


def _f1(marked: set[int], wrong: set[int]) -> float:
    return 2 * len(marked & wrong) / (len(marked) + len(wrong))
