import json
import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.records import RawAnswer
from alignbench.annotation.label_studio.results import answer_result
from alignbench.annotation.pulling.validation import SentTask, TaskOnServer, validate
from alignbench.annotation.units.sentence import SentenceContent
from alignbench.schemas.columns import to_batch
from alignbench.schemas.ids import text_sha256
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

SENTENCE = "A 🐱 red cat looks at a red dog."
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SENT = SentTask(SentenceContent("sentence-1", SENTENCE), "1", Purpose.LABEL)
DATA = {"sentence": SENTENCE, "sentence_id": "sentence-1", "text_sha256": text_sha256(SENTENCE)}
NAMES = {7: "ann@example.org"}


def _task(data: object = DATA, sent: SentTask | None = SENT) -> TaskOnServer:
    return TaskOnServer("server", 3, 5, MOMENT, data, sent)


def _answer(**changes: Any) -> dict[str, Any]:
    return {
        "id": 11,
        "result": answer_result(Verdict.CORRECT),
        "completed_by": 7,
        "updated_by": 7,
        "was_cancelled": False,
        "created_at": "2026-03-01T11:00:00.000001Z",
        "updated_at": "2026-03-01T12:00:00.123456Z",
        "lead_time": 4.5,
        **changes,
    }


def _mark(start: object, end: object, text: object, *labels: object) -> dict[str, object]:
    value = {"start": start, "end": end, "text": text, "labels": list(labels)}
    return {"from_name": "spans", "to_name": "sentence", "type": "labels", "value": value}


def _incorrect(*marks: dict[str, object]) -> dict[str, Any]:
    return _answer(result=[*answer_result(Verdict.INCORRECT), *marks])


def _validated(
    answer: object, task: TaskOnServer | None = None
) -> Annotation | QuarantinedAnnotation:
    [row] = validate(RawAnswer.read(answer), task or _task(), NAMES)
    return row


def _believed(answer: object) -> Annotation:
    row = _validated(answer)
    assert isinstance(row, Annotation), row
    return row


def _doubt(answer: object, task: TaskOnServer | None = None) -> str:
    row = _validated(answer, task)
    assert isinstance(row, QuarantinedAnnotation), row
    assert json.loads(row.raw) == answer
    return row.code


def test_a_clean_answer_becomes_a_row() -> None:
    row = _believed(_answer())
    assert row == Annotation(
        server="server",
        project_id=3,
        annotation_id=11,
        sentence_id="sentence-1",
        task_id=5,
        round="1",
        purpose=Purpose.LABEL,
        annotator="ann@example.org",
        verdict=Verdict.CORRECT,
        spans=(),
        status=AnnotationStatus.SUBMITTED,
        flags=(),
        note=None,
        preannotated_by=None,
        updated_by="ann@example.org",
        text_sha256=text_sha256(SENTENCE),
        lead_seconds=4.5,
        annotated_at=datetime(2026, 3, 1, 11, 0, 0, 1, tzinfo=UTC),
        updated_at=MOMENT,
        unit=AnnotationUnit.SENTENCE,
    )


def test_a_user_without_a_known_address_is_named_by_id() -> None:
    assert _believed(_answer(completed_by=9, updated_by=None)).annotator == "user-9"


def test_incorrect_without_span_counts_and_is_flagged() -> None:
    row = _believed(_incorrect())
    assert (row.verdict, row.spans, row.flags) == (
        Verdict.INCORRECT,
        (),
        (AnswerFlag.SPANS_MISSING,),
    )


@pytest.mark.parametrize("verdict", [Verdict.CORRECT, Verdict.UNKNOWN])
def test_spans_on_another_verdict_are_dropped_with_a_flag(verdict: Verdict) -> None:
    row = _believed(_answer(result=[*answer_result(verdict), _mark(4, 7, "red", "object")]))
    assert (row.verdict, row.spans, row.flags) == (verdict, (), (AnswerFlag.SPANS_DROPPED,))


def test_spans_in_code_points_stand_as_they_are() -> None:
    row = _believed(_incorrect(_mark(4, 7, "red", "attribute")))
    expected = Span(start=4, end=7, type=HallucinationType.ATTRIBUTE, text="red")
    assert (row.spans, row.flags) == ((expected,), ())


def test_spans_in_utf16_units_are_repaired_with_a_flag() -> None:
    row = _believed(_incorrect(_mark(5, 8, "red", "attribute")))
    assert [(span.start, span.end) for span in row.spans] == [(4, 7)]
    assert row.flags == (AnswerFlag.OFFSETS_REPAIRED,)


def test_overlapping_spans_of_one_type_become_one() -> None:
    marks = [_mark(4, 7, "red", "object"), _mark(4, 11, "red cat", "object")]
    row = _believed(_incorrect(*marks, _mark(4, 7, "red", "attribute")))
    spans = [(span.start, span.end, span.type.value) for span in row.spans]
    assert spans == [(4, 7, "attribute"), (4, 11, "object")]
    assert row.flags == (AnswerFlag.SPANS_MERGED,)


def test_a_skip_has_no_verdict() -> None:
    row = _believed(_answer(was_cancelled=True, result=[]))
    assert (row.status, row.verdict, row.spans) == (AnnotationStatus.SKIPPED, None, ())


def test_a_note_is_cleaned_and_kept() -> None:
    row = _believed(_answer(result=answer_result(Verdict.CORRECT, note="dark\x00 \ud800image\r\n")))
    assert (row.note, row.flags) == ("dark image", (AnswerFlag.NOTE_CLEANED,))


@pytest.mark.parametrize("lead_time", [None, "4", -1, math.inf, math.nan, True, 10**400])
def test_a_time_that_is_none_is_left_out(lead_time: object) -> None:
    assert _believed(_answer(lead_time=lead_time)).lead_seconds is None


def test_what_an_answer_started_from_is_kept() -> None:
    assert _believed(_answer(parent_prediction=4)).preannotated_by == "prediction-4"
    assert _believed(_answer(prediction={"model_version": "m"})).preannotated_by == "m"


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (None, Doubt.MALFORMED),
        ([], Doubt.MALFORMED),
        (_answer(id="11"), Doubt.MALFORMED),
        (_answer(id=2**63), Doubt.MALFORMED),
        (_answer(completed_by=None), Doubt.MALFORMED),
        (_answer(updated_by="ann"), Doubt.MALFORMED),
        (_answer(was_cancelled="no"), Doubt.MALFORMED),
        (_answer(result={"verdict": "correct"}), Doubt.MALFORMED),
        (_answer(result=["correct"]), Doubt.MALFORMED),
        (_answer(created_at="yesterday"), Doubt.MALFORMED),
        (_answer(updated_at="2026-03-01T12:00:00"), Doubt.MALFORMED),
        (_answer(updated_by=8), Doubt.EDITED),
        (_answer(updated_by={"id": 8}), Doubt.EDITED),
        (_answer(result=[]), Doubt.UNKNOWN_VERDICT),
        (_answer(result=answer_result(Verdict.CORRECT) * 2)
         | {"result": [*answer_result(Verdict.CORRECT), *answer_result(Verdict.UNKNOWN)]},
         Doubt.UNKNOWN_VERDICT),
        (_answer(result=[{"from_name": "verdict", "value": {"choices": ["maybe"]}}]),
         Doubt.UNKNOWN_VERDICT),
        (_answer(result=[{"from_name": "verdict", "value": {"choices": [["correct"]]}}]),
         Doubt.UNKNOWN_VERDICT),
        (_incorrect(_mark(4, 7, "red", "colour")), Doubt.UNKNOWN_TYPE),
        (_incorrect(_mark(4, 7, "red")), Doubt.UNKNOWN_TYPE),
        (_incorrect(_mark(4, 7, "red", {"a": 1})), Doubt.UNKNOWN_TYPE),
        (_incorrect(_mark(400, 900, "red", "object")), Doubt.UNPROVABLE_SPAN),
        (_incorrect(_mark(4, 7, "blue", "object")), Doubt.UNPROVABLE_SPAN),
        (_incorrect(_mark(4, 7, None, "object")), Doubt.UNPROVABLE_SPAN),
    ],
)  # fmt: skip
def test_what_cannot_be_believed_goes_to_quarantine(answer: object, doubt: Doubt) -> None:
    assert _doubt(answer) == doubt


@pytest.mark.parametrize(
    "changed",
    [{"sentence": "Another."}, {"sentence_id": "other"}, {"text_sha256": "0"}, {"sentence": None}],
)
def test_an_answer_to_another_text_goes_to_quarantine(changed: dict[str, object]) -> None:
    assert _doubt(_answer(), _task(DATA | changed)) == Doubt.CHANGED_TASK
    assert _doubt(_answer(), _task(data=None)) == Doubt.CHANGED_TASK


def test_an_answer_to_a_task_that_was_not_sent_goes_to_quarantine() -> None:
    assert _doubt(_answer(), _task(sent=None)) == Doubt.UNKNOWN_TASK


def test_answers_without_an_id_are_told_apart() -> None:
    rows = [_validated(answer) for answer in ({"a": 1}, {"a": 2}, {"a": 1})]
    first, second, again = (row.annotation_id for row in rows)
    assert first == again != second
    assert max(first, second) < 0


# PyArrow imports pandas for its first array, which may take longer than Hypothesis allows.
_untimed = settings(deadline=None)

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["correct", "incorrect", "red", "object", "verdict", "spans", "note"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["value", "choices", "labels", "start", "end", "text", "from_name", "id", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def _store(row: Annotation | QuarantinedAnnotation) -> None:
    to_batch(Annotation, [row]) if isinstance(row, Annotation) else to_batch(
        QuarantinedAnnotation, [row]
    )


@_untimed
@given(_JSON, _JSON)
def test_any_json_ends_as_a_row_that_can_be_stored(answer: object, data: object) -> None:
    _store(_validated(answer, _task(data)))


@_untimed
@given(st.dictionaries(st.sampled_from(sorted(_answer())), _JSON, max_size=4))
def test_any_field_may_hold_anything(changes: dict[str, Any]) -> None:
    _store(_validated(_answer(**changes)))


_MARKS = st.builds(
    lambda value: {"from_name": "spans", "value": value},
    st.fixed_dictionaries(
        {
            "start": st.integers(-3, 40) | _JSON,
            "end": st.integers(-3, 40) | _JSON,
            "text": st.sampled_from(["red", "cat", "🐱", "red cat", "", " ", "a"]) | _JSON,
            "labels": st.lists(st.sampled_from(list(HallucinationType)), max_size=2) | _JSON,
        }
    ),
)


@_untimed
@given(st.lists(_MARKS, max_size=5))
def test_every_stored_span_is_exact_and_those_of_a_type_are_disjoint(
    marks: list[dict[str, object]],
) -> None:
    row = _validated(_incorrect(*marks))
    _store(row)
    if not isinstance(row, Annotation):
        return
    for span in row.spans:
        assert span.text
        assert SENTENCE[span.start : span.end] == span.text
    for kind in HallucinationType:
        places = [(span.start, span.end) for span in row.spans if span.type is kind]
        assert all(first[1] <= second[0] for first, second in pairwise(places))
