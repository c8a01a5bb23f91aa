"""Whether captions are not worse than sentences: figures on both pages, and what they show."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from alignbench.annotation.unit_comparison import sentence_figures as of_sentence
from alignbench.annotation.unit_comparison.double_votes import DoubleVotes
from alignbench.annotation.unit_comparison.paired import PairedFigure, paired_mean, paired_quotient
from alignbench.annotation.unit_comparison.sentence_figures import OfVotes, Pair
from alignbench.schemas.vocabulary import Verdict

OfSentence = Callable[[DoubleVotes], Pair | None]


class Outcome(StrEnum):
    """What a figure shows of captions, or what all of them show together."""

    NOT_WORSE = "not worse"
    """The interval of the difference ends before the margin."""
    WORSE = "worse"
    """It lies beyond the margin as a whole."""
    UNDECIDED = "undecided"
    """It holds the margin, or there is none."""


class Better(StrEnum):
    """Which way a figure is better."""

    HIGHER = "higher"
    LOWER = "lower"


class ComparedFigure(NamedTuple):
    """A figure on both pages, and what it shows.

    Attributes:
        name: What it is.
        figure: Its values.
        is_share: Whether it lies between 0 and 1.
        outcome: What it shows; None of a figure that decides nothing.
    """

    name: str
    figure: PairedFigure
    is_share: bool
    outcome: Outcome | None


class AtPosition(NamedTuple):
    """The sentences at one place of their captions.

    Attributes:
        position: The place, from 1.
        sentences: How many were asked about both ways.
        incorrect: The mean share of votes that say *incorrect*.
        known_incorrect: How many are known to be wrong.
        missed: The mean share of votes that call these *correct*; None without any.
    """

    position: int
    sentences: int
    incorrect: Pair
    known_incorrect: int
    missed: Pair | None


class Comparison(NamedTuple):
    """What was asked both ways, and what it shows.

    Attributes:
        sentences: Sentences with votes on both pages.
        images: Their images.
        votes_alone: Votes on them as sentences.
        votes_in_caption: Votes on them in captions.
        known: How many of them have a known answer.
        margin: By how much captions may be worse.
        figures: The figures; those of known answers only where there are some.
        positions: The same by position.
    """

    sentences: int
    images: int
    votes_alone: int
    votes_in_caption: int
    known: int
    margin: float
    figures: tuple[ComparedFigure, ...]
    positions: tuple[AtPosition, ...]

    @property
    def outcome(self) -> Outcome:
        """Worse if any figure that decides is; not worse if none of them leaves a doubt."""
        outcomes = {one.outcome for one in self.figures if one.outcome is not None}
        if Outcome.WORSE in outcomes:
            return Outcome.WORSE
        return Outcome.NOT_WORSE if outcomes == {Outcome.NOT_WORSE} else Outcome.UNDECIDED

    @property
    def images_needed(self) -> int | None:
        """How many images would decide, if the pages do not differ; None if that is not known."""
        open_figures = [one.figure for one in self.figures if one.outcome is Outcome.UNDECIDED]
        needed = [figure.images_needed(self.margin) for figure in open_figures]
        known = [number for number in needed if number is not None]
        return max(known) if known and len(known) == len(needed) else None


def compared(votes: Sequence[DoubleVotes], margin: float) -> Comparison:
    """Compares the pages.

    Args:
        votes: The sentences that were asked about both ways.
        margin: By how much a share may be worse on the caption's page.
    """
    return Comparison(
        sentences=len(votes),
        images=len({one.image_id for one in votes}),
        votes_alone=sum(len(one.alone) for one in votes),
        votes_in_caption=sum(len(one.in_caption) for one in votes),
        known=sum(one.known is not None for one in votes),
        margin=margin,
        figures=tuple(_figures(votes, margin)),
        positions=tuple(_positions(votes)),
    )


def outcome_of(figure: PairedFigure, better: Better, margin: float) -> Outcome:
    """Returns what a figure shows: the whole interval of the difference decides."""
    low, high, _ = figure.interval
    if low is None or high is None:
        return Outcome.UNDECIDED
    least_worse, most_worse = (-high, -low) if better is Better.HIGHER else (low, high)
    if most_worse < margin:
        return Outcome.NOT_WORSE
    return Outcome.WORSE if least_worse > margin else Outcome.UNDECIDED


def _on_both(figure: OfVotes) -> OfSentence:
    return lambda votes: of_sentence.on_both_pages(votes, figure)


_DECIDING: Final[tuple[tuple[str, OfSentence, Better], ...]] = (
    (
        "said to be incorrect",
        _on_both(of_sentence.share_of(Verdict.INCORRECT)),
        Better.HIGHER,
    ),
    (
        "agreement with somebody asked about the sentence",
        of_sentence.against_the_sentence_page,
        Better.HIGHER,
    ),
    (
        "known errors that are called correct",
        _on_both(of_sentence.answered_of(Verdict.INCORRECT, Verdict.CORRECT)),
        Better.LOWER,
    ),
    (
        "known correct sentences that are called incorrect",
        _on_both(of_sentence.answered_of(Verdict.CORRECT, Verdict.INCORRECT)),
        Better.LOWER,
    ),
)
_SHARES: Final[tuple[tuple[str, OfSentence], ...]] = (
    ("said to be correct", _on_both(of_sentence.share_of(Verdict.CORRECT))),
    ("said to be unknown", _on_both(of_sentence.share_of(Verdict.UNKNOWN))),
    ("agreement on the same page", _on_both(of_sentence.agreement)),
    ("known right or wrong, and called unknown", _on_both(of_sentence.unknown_of_decided)),
    ("F1 of marks on known errors", _on_both(of_sentence.span_f1)),
)
_AMOUNTS: Final[tuple[tuple[str, OfSentence], ...]] = (
    ("seconds a sentence", _on_both(of_sentence.seconds)),
    ("keys and marks a sentence, at least", _on_both(of_sentence.actions)),
)


def _figures(votes: Sequence[DoubleVotes], margin: float) -> Iterator[ComparedFigure]:
    for name, of, better in _DECIDING:
        found = _found(votes, of)
        if found:
            figure = paired_mean(found, is_share=True)
            yield ComparedFigure(name, figure, True, outcome_of(figure, better, margin))
    for name, of in _SHARES:
        found = _found(votes, of)
        if found:
            yield ComparedFigure(name, paired_mean(found, is_share=True), True, None)
    for name, of in _AMOUNTS:
        found = _found(votes, of)
        if found:
            yield ComparedFigure(name, paired_mean(found, is_share=False), False, None)
    timed = [one for one in votes if _on_both(of_sentence.seconds_where_known)(one) is not None]
    if timed:
        over = _found(timed, _on_both(of_sentence.seconds_where_known))
        under = _found(timed, _on_both(of_sentence.right))
        figure = paired_quotient(over, under)
        yield ComparedFigure("seconds for a right verdict", figure, False, None)


def _found(votes: Sequence[DoubleVotes], of: OfSentence) -> list[tuple[str, Pair]]:
    pairs = ((one.image_id, of(one)) for one in votes)
    return [(image_id, pair) for image_id, pair in pairs if pair is not None]


def _positions(votes: Sequence[DoubleVotes]) -> Iterator[AtPosition]:
    at: defaultdict[int, list[DoubleVotes]] = defaultdict(list)
    for one in votes:
        at[one.position].append(one)
    for position, there in sorted(at.items()):
        incorrect = _mean_pair(_found(there, _DECIDING[0][1]))
        misses = _found(there, _DECIDING[2][1])
        missed = _mean_pair(misses) if misses else None
        yield AtPosition(position + 1, len(there), incorrect, len(misses), missed)


def _mean_pair(found: Sequence[tuple[str, Pair]]) -> Pair:
    pairs = [pair for _, pair in found]
    return Pair(
        math.fsum(pair.alone for pair in pairs) / len(pairs),
        math.fsum(pair.in_caption for pair in pairs) / len(pairs),
    )
