"""Which words of an incorrect sentence its annotators agree are wrong, and how.

A word is wrong if more than half of those who said *incorrect* marked it; runs of such words are
spans. If there is no such word, the spans of the annotator who is closest to the others stand.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from alignbench.release.words import Word, touched, words
from alignbench.schemas.rows.spans import Span, VotedSpan
from alignbench.schemas.vocabulary import HallucinationType

_TIED: Final = 1e-9
"""Two mean F1 that differ by less are equal: they were summed in another order."""


class SpanAgreement(StrEnum):
    """How a sentence's wrong spans came about."""

    CONSENSUS = "consensus"
    """More than half of those who said *incorrect* marked these words, and one type leads."""
    TYPE_TIE = "type_tie"
    """They marked these words, but on a span two types have equally many votes."""
    SINGLE = "single"
    """The spans of one annotator: no word was marked by more than half, or only one answered."""
    MISSING = "missing"
    """None of them marked anything, or none said *incorrect*."""
    ADJUDICATED = "adjudicated"
    """The spans of an adjudicator."""


class SpanLabel(NamedTuple):
    """The wrong spans of a sentence, in its order, and how far they are agreed on."""

    spans: tuple[VotedSpan, ...]
    agreement: SpanAgreement

    @property
    def error_type(self) -> HallucinationType | None:
        """The type of the span with most votes, of the first of these in a tie."""
        best = max(self.spans, key=lambda span: span.votes, default=None)
        return best.type if best is not None else None


class _Marked(NamedTuple):
    """One annotator's spans, and the words they touch."""

    spans: tuple[Span, ...]
    words: frozenset[int]


def adjudicated_spans(
    text: str, final: tuple[Span, ...], votes: Sequence[tuple[Span, ...]]
) -> SpanLabel:
    """Returns an adjudicator's spans; their votes are the annotators who marked a word of them."""
    ranges = words(text)
    marked = [_Marked(spans, _touched(spans, ranges)) for spans in votes]
    return SpanLabel(_voted(text, ranges, final, marked), SpanAgreement.ADJUDICATED)


def agree_on_spans(text: str, votes: Sequence[tuple[Span, ...]]) -> SpanLabel:
    """Returns the wrong spans of a sentence.

    Args:
        text: The sentence.
        votes: The spans of each annotator who said *incorrect*, those without spans included.
            Their order decides only which of two equally close annotators stands for all.
    """
    ranges = words(text)
    marked = [_Marked(spans, _touched(spans, ranges)) for spans in votes]
    if not any(vote.words for vote in marked):
        return SpanLabel((), SpanAgreement.MISSING)
    counts = Counter(index for vote in marked for index in vote.words)
    agreed = [index for index in range(len(ranges)) if 2 * counts[index] > len(marked)]
    if len(marked) == 1 or not agreed:
        return SpanLabel(_closest(text, ranges, marked), SpanAgreement.SINGLE)
    spans, tied = [], False
    for first, last in _runs(agreed):
        span, is_tied = _run_span(text, ranges, marked, first, last)
        spans.append(span)
        tied |= is_tied
    return SpanLabel(tuple(spans), SpanAgreement.TYPE_TIE if tied else SpanAgreement.CONSENSUS)


def labels_in_any_order(text: str, votes: Sequence[tuple[Span, ...]]) -> list[SpanLabel]:
    """Returns every label that `agree_on_spans` may give for these votes, whatever their order."""
    label = agree_on_spans(text, votes)
    if label.agreement is not SpanAgreement.SINGLE:
        return [label]
    ranges = words(text)
    marked = [_Marked(spans, _touched(spans, ranges)) for spans in votes]
    scores = {index: _mean_f1(marked, index) for index, vote in enumerate(marked) if vote.words}
    best = max(scores.values())
    return [
        SpanLabel(_voted(text, ranges, marked[index].spans, marked), SpanAgreement.SINGLE)
        for index, score in scores.items()
        if score > best - _TIED
    ]


def _touched(spans: Sequence[Span], ranges: Sequence[Word]) -> frozenset[int]:
    return frozenset().union(*(touched((span.start, span.end), ranges) for span in spans))


def _runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Returns first and last of each run of consecutive numbers; the numbers are in order."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _run_span(
    text: str, ranges: Sequence[Word], marked: Sequence[_Marked], first: int, last: int
) -> tuple[VotedSpan, bool]:
    """Returns the span over a run of words, and whether its type is a tie."""
    start, end = ranges[first].start, ranges[last].end
    types: Counter[HallucinationType] = Counter()
    extent: Counter[HallucinationType] = Counter()
    for vote in marked:
        over = [span for span in vote.spans if span.start < end and start < span.end]
        types.update({span.type for span in over})
        for span in over:
            extent[span.type] += min(span.end, end) - max(span.start, start)
    best = max(types.values())
    leading = [kind for kind in HallucinationType if types[kind] == best]
    # A tie is flagged for a person to settle; until then the type marked over more text stands.
    kind = max(leading, key=lambda candidate: extent[candidate])
    votes = sum(1 for vote in marked if vote.words & set(range(first, last + 1)))
    run = VotedSpan(start=start, end=end, type=kind, text=text[start:end], votes=votes)
    return run, len(leading) > 1


def _closest(text: str, ranges: Sequence[Word], marked: Sequence[_Marked]) -> tuple[VotedSpan, ...]:
    """Returns the spans of the annotator whose words agree best with the others', by mean F1."""
    candidates = [index for index, vote in enumerate(marked) if vote.words]
    best = max(candidates, key=lambda index: _mean_f1(marked, index))
    return _voted(text, ranges, marked[best].spans, marked)


def _voted(
    text: str, ranges: Sequence[Word], spans: Sequence[Span], marked: Sequence[_Marked]
) -> tuple[VotedSpan, ...]:
    """Returns one annotator's spans in order, with how many marked a word of each."""
    return tuple(
        VotedSpan(
            start=span.start,
            end=span.end,
            type=span.type,
            text=text[span.start : span.end],
            votes=sum(1 for vote in marked if vote.words & _touched([span], ranges)),
        )
        for span in sorted(spans, key=lambda span: (span.start, span.end, span.type))
    )


def _mean_f1(marked: Sequence[_Marked], index: int) -> float:
    mine = marked[index].words
    others = [vote.words for place, vote in enumerate(marked) if place != index]
    scores = [2 * len(mine & other) / (len(mine) + len(other)) for other in others]
    return sum(scores) / len(scores) if scores else 0.0
