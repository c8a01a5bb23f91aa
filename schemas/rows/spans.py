"""Spans of words, and words, inside rows."""

from dataclasses import dataclass

from alignbench.schemas.columns import Int, Real, Str
from alignbench.schemas.vocabulary import HallucinationType


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A range of a sentence that is wrong, and how. Offsets are relative to the sentence."""

    start: Int
    end: Int
    type: HallucinationType
    text: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedSpan:
    """A wrong range that the annotators agreed on, with how many of them marked it."""

    start: Int
    end: Int
    type: HallucinationType
    text: Str
    votes: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class WordScore:
    """A detector's score of one word; lower is more suspicious."""

    start: Int
    end: Int
    score: Real
