"""Cutting a block at its boundaries, and trimming what no sentence begins or ends with.

A sentence holds at least one letter or digit and neither begins nor ends with white space. A mark
at its edge stays if its partner is inside the sentence, with two exceptions for emphasis: a pair
around the whole sentence goes, and so does a mark without partner. So `**A red car** stops.` keeps
its marks, `**It stops.**` loses them, and of `"It stops. It turns."` each sentence loses one.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from alignbench.annotation.sentences.characters import is_blank
from alignbench.annotation.sentences.marks import Mark, PairedMarks


class SentenceSpan(NamedTuple):
    """A sentence's place in its caption: code points, half-open."""

    start: int
    end: int


def cut_block(
    prose: str, start: int, end: int, boundaries: Iterable[int], marks: PairedMarks
) -> list[SentenceSpan]:
    """The sentences of the block `prose[start:end]`, cut before each of `boundaries`."""
    return [_trimmed(prose, piece, marks) for piece in _pieces(prose, start, end, boundaries)]


def _pieces(prose: str, start: int, end: int, boundaries: Iterable[int]) -> Iterator[SentenceSpan]:
    """Pieces that each hold a letter or digit; what holds none goes to the piece before it."""
    first, says_something = start, False
    for piece_start, piece_end in _ranges(start, end, boundaries):
        has_words = any(prose[at].isalnum() for at in range(piece_start, piece_end))
        if has_words and says_something:
            yield SentenceSpan(first, piece_start)
            first = piece_start
        says_something = says_something or has_words
    if says_something:
        yield SentenceSpan(first, end)


def _ranges(start: int, end: int, boundaries: Iterable[int]) -> Iterator[SentenceSpan]:
    for boundary in boundaries:
        yield SentenceSpan(start, boundary)
        start = boundary
    yield SentenceSpan(start, end)


def _trimmed(prose: str, piece: SentenceSpan, marks: PairedMarks) -> SentenceSpan:
    start, end = piece
    while True:
        while is_blank(prose[start]):
            start += 1
        while is_blank(prose[end - 1]):
            end -= 1
        first, last = marks.starting.get(start), marks.ending.get(end)
        if first and _goes(first, start, end):
            start = first.end
        elif last and _goes(last, start, end):
            end = last.start
        else:
            return SentenceSpan(start, end)


def _goes(mark: Mark, start: int, end: int) -> bool:
    """Whether a mark at the edge of a sentence is trimmed off it."""
    if mark.partner_start < start or mark.partner_end > end:
        return True
    wraps = min(mark.start, mark.partner_start) == start and max(mark.end, mark.partner_end) == end
    return mark.is_emphasis and wraps
