"""The JSON of an answer to a whole caption, as the page saves it in its `result`."""

from collections.abc import Iterator, Sequence

from alignbench.annotation.label_studio.caption_page import (
    CAPTION,
    EVERY_SENTENCE,
    JUDGED,
    UNKNOWN,
    WHOLE_SENTENCE,
)
from alignbench.annotation.label_studio.page import NOTE, SPANS
from alignbench.annotation.label_studio.records import JsonObject
from alignbench.annotation.units.lines import ShownLines
from alignbench.annotation.units.unit import PossibleAnswer
from alignbench.schemas.vocabulary import Verdict


def caption_result(
    texts: Sequence[str],
    answers: Sequence[PossibleAnswer],
    *,
    judged: bool = True,
    note: str | None = None,
) -> list[JsonObject]:
    """Returns what the page saves when an annotator answers the sentences of a caption so.

    Args:
        texts: The sentences.
        answers: An answer to each.
        judged: Whether the annotator says that every sentence is judged.
        note: The annotator's note.
    """
    lines = ShownLines(texts)
    marks = [
        mark for number, answer in enumerate(answers) for mark in _marks(lines, number, answer)
    ]
    result = [
        {"id": f"mark-{number}", **_entry(SPANS, "labels", mark)}
        for number, mark in enumerate(marks)
    ]
    if judged:
        result.append(_entry(JUDGED, "choices", {"choices": [EVERY_SENTENCE]}))
    if note:
        result.append(_entry(NOTE, "textarea", {"text": [note]}))
    return result


def _marks(lines: ShownLines, number: int, answer: PossibleAnswer) -> Iterator[JsonObject]:
    line, first = lines.lines[number], lines.starts[number]
    if answer.verdict is Verdict.CORRECT:
        return
    for span in answer.spans:
        yield _mark(first + span.start, line[span.start : span.end], span.type.value)
    if not answer.spans:
        is_unknown = answer.verdict is Verdict.UNKNOWN
        yield _mark(first, line, UNKNOWN if is_unknown else WHOLE_SENTENCE)


def _mark(start: int, text: str, label: str) -> JsonObject:
    return {"start": start, "end": start + len(text), "text": text, "labels": [label]}


def _entry(control: str, kind: str, value: JsonObject) -> JsonObject:
    return {"from_name": control, "to_name": CAPTION, "type": kind, "value": value}
