"""What somebody says of a whole caption becomes a row for each of its sentences."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.caption_page import UNKNOWN, WHOLE_SENTENCE
from alignbench.annotation.label_studio.records import RawAnswer
from alignbench.annotation.pulling.validation import SentTask, TaskOnServer, validate
from alignbench.annotation.units.caption_answers import CaptionContent, CaptionSentence
from alignbench.annotation.units.caption_results import caption_result
from alignbench.annotation.units.lines import ShownLines
from alignbench.annotation.units.unit import PossibleAnswer
from alignbench.schemas.rows.annotation import Annotation, QuarantinedAnnotation
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AnswerFlag,
    HallucinationType,
    Purpose,
    Verdict,
)

TEXTS = ("A 🐱 cat sits.", "It sees\na red dog.", "A cat e\u0301 sleeps.")
LINES = ShownLines(TEXTS)
MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONTENT = CaptionContent(
    "caption-1",
    [
        CaptionSentence(f"s{n}", text, Purpose.GOLD if n == 1 else Purpose.LABEL)
        for n, text in enumerate(TEXTS)
    ],
)


def _mark(start: object, end: object, text: object, *labels: object) -> dict[str, object]:
    value = {"start": start, "end": end, "text": text, "labels": list(labels)}
    return {"from_name": "spans", "to_name": "caption", "type": "labels", "value": value}


def _found(text: str, *labels: object) -> dict[str, object]:
    start = LINES.text.index(text)
    return _mark(start, start + len(text), text, *labels)


def _answer(*marks: dict[str, object], judged: bool = True, **changes: Any) -> dict[str, Any]:
    correct = [PossibleAnswer(Verdict.CORRECT)] * len(TEXTS)
    return {
        "id": 11,
        "result": [*marks, *caption_result(TEXTS, correct, judged=judged)],
        "completed_by": 7,
        "updated_by": 7,
        "was_cancelled": False,
        "created_at": "2026-03-01T11:00:00Z",
        "updated_at": "2026-03-01T12:00:00Z",
        "lead_time": 30.0,
        **changes,
    }


def _read(answer: object) -> list[Annotation | QuarantinedAnnotation]:
    task = TaskOnServer(
        "server", 3, 5, MOMENT, CONTENT.shown(), SentTask(CONTENT, "1", Purpose.GOLD)
    )
    return validate(RawAnswer.read(answer), task, {7: "ann@example.org"})


def _believed(answer: object) -> list[Annotation]:
    rows = _read(answer)
    assert all(isinstance(row, Annotation) for row in rows), rows
    return [row for row in rows if isinstance(row, Annotation)]


def _set_aside(answer: object) -> QuarantinedAnnotation:
    [row] = [row for row in _read(answer) if isinstance(row, QuarantinedAnnotation)]
    assert json.loads(row.raw) == answer
    return row


def test_a_mark_makes_incorrect_a_label_unknown_and_silence_correct() -> None:
    rows = _believed(_answer(_found("cat", "object"), _found("red", UNKNOWN)))
    assert [row.verdict for row in rows] == ["incorrect", "unknown", "correct"]
    assert rows[0].spans == (Span(start=4, end=7, text="cat", type=HallucinationType.OBJECT),)
    assert [row.sentence_id for row in rows] == ["s0", "s1", "s2"]
    assert [row.purpose for row in rows] == ["label", "gold", "label"]
    assert {(row.unit, row.unit_id) for row in rows} == {(AnnotationUnit.CAPTION, "caption-1")}
    assert [row.lead_seconds for row in rows] == [10.0] * 3
    assert all(row.flags == () for row in rows)


def test_a_sentence_that_is_wrong_as_a_whole_has_no_words() -> None:
    row = _believed(_answer(_found("sees", WHOLE_SENTENCE)))[1]
    assert (row.verdict, row.spans) == (Verdict.INCORRECT, ())
    assert row.flags == (AnswerFlag.WHOLE_SENTENCE,)


def test_unknown_beside_a_mark_is_incorrect_and_flagged() -> None:
    row = _believed(_answer(_found("red", "attribute"), _found("sees", UNKNOWN)))[1]
    assert row.verdict is Verdict.INCORRECT
    assert row.flags == (AnswerFlag.UNKNOWN_TOO,)


def test_a_drag_over_two_lines_is_cut_where_the_first_ends() -> None:
    rows = _believed(_answer(_found("sits.\nIt", "relation")))
    assert [span.text for span in rows[0].spans] == ["sits."]
    assert [span.text for span in rows[1].spans] == ["It"]
    assert rows[0].flags == rows[1].flags == (AnswerFlag.MARK_CUT,)
    # Label Studio writes the line break as a backslash and an n.
    start = LINES.text.index("sits.")
    assert _believed(_answer(_mark(start, start + 8, "sits.\\nIt", "relation"))) == rows


def test_a_drag_that_touches_only_the_line_break_stays_in_its_sentence() -> None:
    start = LINES.text.index("sits.")
    rows = _believed(_answer(_mark(start, start + 6, "sits.\\n", "relation")))
    assert [len(row.spans) for row in rows] == [1, 0, 0]
    assert rows[0].flags == ()


def test_a_mark_over_a_line_break_inside_a_sentence_has_the_sentence_s_own_text() -> None:
    row = _believed(_answer(_found("sees a red", "object")))[1]
    assert [span.text for span in row.spans] == ["sees\na red"]
    assert TEXTS[1][row.spans[0].start : row.spans[0].end] == "sees\na red"


def test_offsets_in_utf_16_units_are_put_right_by_the_text() -> None:
    start = LINES.text.index("red") + 1
    row = _believed(_answer(_mark(start, start + 3, "red", "attribute")))[1]
    assert [span.text for span in row.spans] == ["red"]
    assert row.flags == (AnswerFlag.OFFSETS_REPAIRED,)


@pytest.mark.parametrize(
    ("mark", "code", "doubted"),
    [
        (_mark(0, 3, "no such words", "object"), Doubt.UNPROVABLE_SPAN, ("s0",)),
        # The text stands in two sentences, and its offsets prove neither.
        (_mark(900, 903, "cat", "object"), Doubt.UNPROVABLE_SPAN, ("s0", "s2")),
        (_found("red", "colour"), Doubt.UNKNOWN_TYPE, ("s1",)),
        (_found("red"), Doubt.UNKNOWN_TYPE, ("s1",)),
    ],
)
def test_one_bad_mark_sets_aside_its_sentence_and_not_the_caption(
    mark: dict[str, object], code: Doubt, doubted: tuple[str, ...]
) -> None:
    answer = _answer(mark, _found("sleeps", "attribute"))
    aside = _set_aside(answer)
    assert (aside.code, aside.sentence_ids) == (code, doubted)
    believed = {row.sentence_id for row in _read(answer) if isinstance(row, Annotation)}
    assert believed == {"s0", "s1", "s2"} - set(doubted)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_answer(judged=False), Doubt.UNKNOWN_VERDICT),
        (_answer(_mark(None, None, "nowhere", "object")), Doubt.UNPROVABLE_SPAN),
        (_answer(result=None), Doubt.MALFORMED),
        (_answer(result=["nothing"]), Doubt.MALFORMED),
    ],
)
def test_an_answer_of_which_nothing_is_certain_is_set_aside_whole(
    answer: object, code: Doubt
) -> None:
    [row] = _read(answer)
    assert isinstance(row, QuarantinedAnnotation)
    assert (row.code, row.sentence_ids) == (code, ())


def test_a_skip_and_a_note_are_those_of_every_sentence() -> None:
    note = {"from_name": "note", "type": "textarea", "value": {"text": ["too dark"]}}
    rows = _believed(_answer(was_cancelled=True, result=[note]))
    assert {(row.status, row.verdict, row.note) for row in rows} == {
        (AnnotationStatus.SKIPPED, None, "too dark")
    }


_WORD = st.text(st.sampled_from("ab🐱é\u0301\u2028 犬ש\n"), max_size=6)


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(_WORD.map(lambda word: f"x{word}y"), min_size=1, max_size=5), data=st.data())
def test_every_span_comes_back_as_it_was_marked(texts: list[str], data: st.DataObject) -> None:
    answers: list[PossibleAnswer] = []
    for text in texts:
        verdict = data.draw(st.sampled_from(Verdict))
        end = data.draw(st.integers(1, len(text)))
        span = Span(start=0, end=end, type=HallucinationType.OBJECT, text=text[:end])
        if verdict is Verdict.INCORRECT and not text[:end][-1].isspace():
            answers.append(PossibleAnswer(verdict, (span,)))
        else:
            answers.append(PossibleAnswer(verdict))
    content = CaptionContent(
        "c", [CaptionSentence(str(n), text, Purpose.LABEL) for n, text in enumerate(texts)]
    )
    sent = SentTask(content, "1", Purpose.LABEL)
    task = TaskOnServer("server", 3, 5, MOMENT, content.shown(), sent)
    raw = RawAnswer.read(_answer(result=caption_result(texts, answers)))
    rows = validate(raw, task, {})
    assert all(isinstance(row, Annotation) for row in rows), rows
    read = [(row.verdict, row.spans) for row in rows if isinstance(row, Annotation)]
    assert read == [(answer.verdict, answer.spans) for answer in answers]
