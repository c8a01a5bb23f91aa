"""Agreement on wrong spans among those who said *incorrect*: by word, and between two annotators.

By word: each word of a sentence that at least two annotators called incorrect is an item, each of
them says of it *marked* or *not marked*, for each type and for any type; Krippendorff's alpha over
all such words. Between two: the F1 of their spans, exact (same offsets) or by overlap (some word in
common); pooled over all pairs. For a type, only its spans count; for any type, the type does not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.release.agreement.coefficients import coefficients, contributions
from alignbench.release.words import Word, touched
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType

Reals = npt.NDArray[np.float64]

ANY_TYPE: Final = "any"
KINDS: Final = (ANY_TYPE, *(kind.value for kind in HallucinationType))
_WORD_TERMS: Final = 8  # of `contributions` with two categories
TERMS: Final = _WORD_TERMS + 4
"""Sums of one kind: the words', exact matches, overlaps, spans in pairs, sentences."""


class SpanCoefficients(NamedTuple):
    """Agreement on spans, of one or of many sums.

    Attributes:
        alpha: Krippendorff's, by word.
        exact_f1: Of two annotators' spans, with the same offsets.
        overlap_f1: Of two annotators' spans, with some word in common.
    """

    alpha: Reals
    exact_f1: Reals
    overlap_f1: Reals


class Marks(NamedTuple):
    """One annotator's spans of one kind: their offsets, and the words that each touches."""

    offsets: frozenset[tuple[int, int]]
    words: tuple[frozenset[int], ...]


def span_terms(ranges: Sequence[Word], votes: Sequence[Sequence[Span]]) -> Reals:
    """Returns what a sentence adds to the sums of each kind.

    Args:
        ranges: The sentence's words.
        votes: The spans of each annotator who said *incorrect*, two annotators or more.

    Returns:
        Shape (len(KINDS), TERMS).
    """
    found = np.zeros((len(KINDS), TERMS))
    found[:, :_WORD_TERMS] = len(ranges) * _terms_of_a_word(len(votes))[0]
    found[:, -1] = 1
    types = {span.type for spans in votes for span in spans}
    for row, kind in zip(found, KINDS, strict=True):
        if kind in types and len(types) == 1:
            row[:] = found[0]  # what is true of any type is true of the only one
        elif kind in types or kind == ANY_TYPE:
            chosen = [
                _marks(ranges, [s for s in spans if kind in (ANY_TYPE, s.type)]) for spans in votes
            ]
            row[:_WORD_TERMS] = _word_terms(len(ranges), chosen)
            row[_WORD_TERMS:-1] = _pair_terms(chosen)
    return found


def span_coefficients(sums: Reals) -> SpanCoefficients:
    """Returns the agreement in sums of one kind's terms, of shape (..., TERMS)."""
    exact, overlap, spans = (sums[..., _WORD_TERMS + place] for place in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        return SpanCoefficients(
            coefficients(sums[..., :_WORD_TERMS]).krippendorff_alpha,
            exact / spans,
            overlap / spans,
        )


def _marks(ranges: Sequence[Word], spans: Iterable[Span]) -> Marks:
    offsets = frozenset((span.start, span.end) for span in spans)
    return Marks(offsets, tuple(touched(place, ranges) for place in sorted(offsets)))


def _word_terms(words: int, marks: Sequence[Marks]) -> Reals:
    counts = Counter(word for mark in marks for word in frozenset().union(*mark.words))
    times = np.zeros(len(marks) + 1)
    for marked, number in Counter(counts.values()).items():
        times[marked] = number
    times[0] = words - len(counts)
    total: Reals = times @ _terms_of_a_word(len(marks))
    return total


@cache
def _terms_of_a_word(annotators: int) -> Reals:
    """Returns what a word adds that none, one, … all of so many annotators marked, a row each."""
    marked = np.arange(annotators + 1)
    return contributions(np.column_stack([annotators - marked, marked]))


def _pair_terms(marks: Sequence[Marks]) -> tuple[float, float, float]:
    """Returns twice the exact matches, the spans that meet one, and all spans, over all pairs."""
    exact = overlap = spans = 0
    for one, other in combinations(marks, 2):
        spans += len(one.words) + len(other.words)
        exact += 2 * len(one.offsets & other.offsets)
        overlap += _meeting(one, other) + _meeting(other, one)
    return exact, overlap, spans


def _meeting(one: Marks, other: Marks) -> int:
    reached = frozenset().union(*other.words)
    return sum(1 for words in one.words if words & reached)
