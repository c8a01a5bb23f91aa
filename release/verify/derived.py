"""Do a sentence's wrong spans, their votes and types follow from the votes on it?"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from alignbench.release.columns.span_values import spans_of
from alignbench.release.labels.spans import SpanLabel, adjudicated_spans, labels_in_any_order
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Verdict

Row = dict[str, Any]

SPAN_COLUMNS: Final = ("error_spans", "error_type", "span_agreement")
"""The columns of a sentence that follow from its votes."""


class VotesOnSentence(NamedTuple):
    """What `annotations/` has on one sentence.

    Attributes:
        votes: The votes, in the order of the file.
        final: The adjudication, if there is one.
    """

    votes: Sequence[Row]
    final: Row | None


def span_vote_problems(sentence: Row, given: VotesOnSentence) -> Iterator[str]:
    """Yields what a sentence says of its wrong spans that its votes do not.

    The votes must be valid by themselves: spans inside the sentence, types of the vocabulary.
    """
    found = _read(sentence)
    allowed = _derived(sentence, given)
    if found in allowed:
        return
    expected = allowed[0]
    for name, here, there in zip(SPAN_COLUMNS, found, expected, strict=True):
        if here != there:
            yield f"{name}: {_shown(here)}, the votes in annotations/ make it {_shown(there)}"


_Spans = tuple[tuple[int, int, str, int], ...]


class _SpanColumns(NamedTuple):
    """What `SPAN_COLUMNS` hold; spans as start, end, type and votes."""

    spans: _Spans
    error_type: str | None
    agreement: str | None


def _read(sentence: Row) -> _SpanColumns:
    spans = tuple((s["start"], s["end"], s["type"], s["votes"]) for s in sentence["error_spans"])
    return _SpanColumns(spans, sentence["error_type"], sentence["span_agreement"])


def _derived(sentence: Row, given: VotesOnSentence) -> list[_SpanColumns]:
    """Returns what the columns may hold; several where two annotators are equally close."""
    if sentence["annotation"] != Verdict.INCORRECT:
        return [_SpanColumns((), None, None)]
    text = sentence["caption"]
    marks = [_marked(vote) for vote in given.votes if vote["verdict"] == Verdict.INCORRECT]
    if given.final is not None:
        return [_columns(adjudicated_spans(text, _marked(given.final), marks))]
    return [_columns(label) for label in labels_in_any_order(text, marks)]


def _marked(vote: Row) -> tuple[Span, ...]:
    return spans_of(vote["spans"])


def _columns(label: SpanLabel) -> _SpanColumns:
    spans = tuple((span.start, span.end, span.type.value, span.votes) for span in label.spans)
    kind = label.error_type
    return _SpanColumns(spans, None if kind is None else kind.value, label.agreement.value)


def _shown(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    spans = (f"{start}-{end} {kind} ({votes})" for start, end, kind, votes in value)
    return ", ".join(spans) or "none"
