"""The spans of one answer: each proved by its text, and those of one type disjoint."""

from collections.abc import Sequence
from typing import NamedTuple

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.records import JsonObject
from alignbench.annotation.units.given import Doubtful
from alignbench.annotation.units.offsets import marked_range
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType


class ReadSpan(NamedTuple):
    """One marked range, a span for each type it was given, and whether its offsets were wrong."""

    spans: tuple[Span, ...]
    repaired: bool


def read_span(mark: JsonObject, sentence: str) -> ReadSpan:
    """Reads a marked range of the sentence.

    Args:
        mark: `start`, `end`, `text` and `labels`, as the page saves them.
        sentence: The sentence that was marked.

    Raises:
        Doubtful: It has no known type, or its text does not prove where it lies.
    """
    labels = mark.get("labels")
    words = labels if isinstance(labels, list) else [labels]
    if not words or any(word not in list(HallucinationType) for word in words):
        raise Doubtful(Doubt.UNKNOWN_TYPE, f"A span has the types {str(words)[:80]}.")
    text = mark.get("text")
    place = None
    if isinstance(text, str):
        place = marked_range(sentence, text, mark.get("start"), mark.get("end"))
    if place is None:
        raise Doubtful(
            Doubt.UNPROVABLE_SPAN,
            f"The text of a span, {str(text)[:80]!r}, does not prove its place.",
        )
    types = dict.fromkeys(HallucinationType(str(word)) for word in words)
    spans = (_span(sentence, place.start, place.end, kind) for kind in types)
    return ReadSpan(tuple(spans), place.repaired)


def merged_spans(spans: Sequence[Span], sentence: str) -> tuple[Span, ...]:
    """Returns the spans in order, with those of one type that overlap made one.

    Spans of different types may overlap: "red car" can be the wrong object and "red" besides it the
    wrong attribute.
    """
    merged: list[Span] = []
    for kind in HallucinationType:
        last: Span | None = None
        for span in sorted((s for s in spans if s.type is kind), key=lambda s: (s.start, s.end)):
            if last is not None and span.start < last.end:
                last = _span(sentence, last.start, max(last.end, span.end), kind)
                merged[-1] = last
            else:
                last = span
                merged.append(span)
    return tuple(sorted(merged, key=lambda span: (span.start, span.end, span.type)))


def _span(sentence: str, start: int, end: int, kind: HallucinationType) -> Span:
    return Span(start=start, end=end, type=kind, text=sentence[start:end])
