"""The JSON of an answer as the page saves it, in its `result`: one entry a control used."""

from collections.abc import Iterable

from alignbench.annotation.label_studio.page import NOTE, SENTENCE, SPANS, VERDICT
from alignbench.annotation.label_studio.rating_page import RATING, RESPONSE
from alignbench.annotation.label_studio.records import JsonObject
from alignbench.annotation.label_studio.variant_page import MEANING, VARIANT
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Meaning, Verdict


def answer_result(
    verdict: Verdict, spans: Iterable[Span] = (), note: str | None = None
) -> list[JsonObject]:
    """Returns what the page saves when an annotator chooses this verdict and marks these spans."""
    result = [_entry(VERDICT, "choices", {"choices": [verdict.value]}), *span_results(spans)]
    if note:
        result.append(_entry(NOTE, "textarea", {"text": [note]}))
    return result


def rating_result(rating: int, reason: str | None = None) -> list[JsonObject]:
    """Returns what the page saves when somebody rates an answer, and says why."""
    result = [_entry(RATING, "choices", {"choices": [str(rating)]}, about=RESPONSE)]
    if reason:
        result.append(_entry(NOTE, "textarea", {"text": [reason]}, about=RESPONSE))
    return result


def meaning_result(meaning: Meaning, reason: str | None = None) -> list[JsonObject]:
    """Returns what the page saves when somebody says what two questions mean, and says why."""
    result = [_entry(MEANING, "choices", {"choices": [meaning.value]}, about=VARIANT)]
    if reason:
        result.append(_entry(NOTE, "textarea", {"text": [reason]}, about=VARIANT))
    return result


def span_results(spans: Iterable[Span]) -> list[JsonObject]:
    """Returns what the page saves of marks alone, before a verdict is chosen."""
    values: list[JsonObject] = [
        {"start": span.start, "end": span.end, "text": span.text, "labels": [span.type.value]}
        for span in spans
    ]
    return [
        {"id": f"span-{number}", **_entry(SPANS, "labels", value)}
        for number, value in enumerate(values)
    ]


def _entry(control: str, kind: str, value: JsonObject, about: str = SENTENCE) -> JsonObject:
    return {"from_name": control, "to_name": about, "type": kind, "value": value}
