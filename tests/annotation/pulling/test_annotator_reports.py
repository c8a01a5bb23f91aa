"""What an operator is told of each annotator."""

from pathlib import Path

import pytest

from alignbench.annotation.errors import UnknownWithdrawalError
from alignbench.annotation.pulling.annotator_reports import (
    AnnotatorReport,
    Concern,
    annotator_reports,
)
from alignbench.annotation.rounds.withdrawal import (
    exclude_annotator,
    withdraw_annotator,
    withdraw_image,
)
from alignbench.schemas.rows.annotation import Gold
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS, GOLD, IMAGES, WITHDRAWN
from alignbench.schemas.vocabulary import AnnotationStatus, HallucinationType, Purpose, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.answers import Answers
from tests.annotation.workspaces import prepare

SPAN = Span(start=2, end=6, type=HallucinationType.ATTRIBUTE, text="grey")


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(Workspace(LocalStore(tmp_path)))


def _reports(answers: Answers) -> dict[str, AnnotatorReport]:
    return {report.annotator: report for report in annotator_reports(answers.workspace)}


def test_counts_speed_agreement_and_shares_of_each_annotator(answers: Answers) -> None:
    answers.give("ann", "s1", seconds=8)
    answers.give("ann", "s2", Verdict.INCORRECT, spans=(SPAN,), seconds=10)
    answers.give("ann", "s3", Verdict.INCORRECT, seconds=12)
    answers.give("ann", "s4", None)
    answers.give("bob", "s1")
    answers.give("bob", "s2", Verdict.UNKNOWN)
    answers.give("cat", "s2", Verdict.INCORRECT)
    ann = _reports(answers)["ann"]
    assert (ann.answers, ann.skips, ann.median_seconds, ann.per_hour) == (3, 1, 10, 360)
    assert ann.shared == 2
    assert ann.agreement == pytest.approx((1 + 1 / 2) / 2)
    assert ann.verdicts == pytest.approx({"correct": 1 / 3, "incorrect": 2 / 3, "unknown": 0})
    assert ann.types == {"attribute": 1}
    assert ann.missing_spans == 0.5
    assert ann.gold_accuracy is None
    assert ann.concerns == ()


def test_accuracy_on_gold_counts_only_gold_and_gold_is_no_vote(answers: Answers) -> None:
    rows = [
        Gold(sentence_id=key, verdict=Verdict.CORRECT, spans=(), source="file", version=1)
        for key in ("g1", "g2")
    ]
    answers.workspace.table(GOLD).append(rows, "test")
    answers.give("ann", "g1", purpose=Purpose.GOLD)
    answers.give("ann", "g2", Verdict.UNKNOWN, purpose=Purpose.GOLD)
    answers.give("ann", "s1")
    answers.give("bob", "g1", Verdict.UNKNOWN, purpose=Purpose.GOLD)
    ann = _reports(answers)["ann"]
    assert (ann.gold_answers, ann.gold_accuracy, ann.shared) == (2, 0.5, 0)
    assert ann.verdicts["correct"] == 1


def test_captions_are_counted_whole_and_told_apart_from_sentences(answers: Answers) -> None:
    for number in range(24):
        seven = {f"c{number}-{n}": Verdict.CORRECT for n in range(7)}
        answers.give_caption("ann", f"c{number}", seven, seconds=20)
        answers.give_caption("bob", f"c{number}", seven, seconds=8)
    answers.give_caption("ann", "skipped", dict.fromkeys(["x", "y"]))
    answers.give("ann", "c0-0", Verdict.INCORRECT)
    on_captions, on_sentences = (
        report for report in annotator_reports(answers.workspace) if report.annotator == "ann"
    )
    assert (on_captions.unit, on_captions.answers, on_captions.skips) == ("caption", 24, 1)
    assert (on_captions.sentences, on_captions.median_seconds) == (24 * 7, pytest.approx(20))
    assert on_captions.per_hour == pytest.approx(180)
    assert on_captions.agreement == 1, "What was said on the other page is no disagreement here."
    assert on_captions.concerns == ()
    assert (on_sentences.answers, on_sentences.shared) == (1, 0)
    assert _reports(answers)["bob"].concerns == (Concern.TOO_FAST,), "8 s for seven sentences."


def test_answers_too_fast_or_all_alike_are_pointed_out(answers: Answers) -> None:
    for number in range(24):
        key = f"s{number}"
        answers.give("ann", key, Verdict.INCORRECT if number % 4 == 0 else Verdict.CORRECT)
        answers.give("bob", key, Verdict.CORRECT, seconds=1.2)
        answers.give("cat", key, Verdict.INCORRECT if number % 4 == 0 else Verdict.CORRECT)
    found = _reports(answers)
    assert found["ann"].concerns == found["cat"].concerns == ()
    assert found["bob"].concerns == (Concern.TOO_FAST, Concern.ALL_ALIKE)


def test_alike_answers_that_all_gave_alike_are_no_cause_for_suspicion(answers: Answers) -> None:
    for number in range(24):
        answers.give("ann", f"s{number}")
        answers.give("bob", f"s{number}")
    assert _reports(answers)["ann"].concerns == ()


def test_an_excluded_annotator_is_listed_and_is_no_measure_of_others(answers: Answers) -> None:
    answers.give("ann@x.org", "s1")
    answers.give("bob@x.org", "s1", Verdict.UNKNOWN)
    assert exclude_annotator(answers.workspace, "Bob@x.org", "guesses", "test").is_new
    assert not exclude_annotator(answers.workspace, "bob@x.org", "guesses", "test").is_new
    found = _reports(answers)
    assert found["bob@x.org"].withdrawn
    assert found["bob@x.org"].agreement == 0
    assert found["ann@x.org"].agreement is None
    with pytest.raises(UnknownWithdrawalError, match=r"AB-A16.*nobody@x.org"):
        exclude_annotator(answers.workspace, "nobody@x.org", "", "test")


def test_the_answers_of_one_who_withdraws_say_nothing_any_more(answers: Answers) -> None:
    answers.give("ann@x.org", "s1", Verdict.INCORRECT, spans=(SPAN,))
    answers.give("bob@x.org", "s1")
    done = withdraw_annotator(answers.workspace, "ann@x.org", "asked", "test")
    assert (done.is_new, done.answers) == (True, 1)
    rows = {row.annotator: row for row in answers.workspace.table(ANNOTATIONS).rows()}
    gone = rows["ann@x.org"]
    assert gone.status is AnnotationStatus.WITHDRAWN
    assert (gone.verdict, gone.spans, gone.note, gone.flags) == (None, (), None, ())
    assert rows["bob@x.org"].note == "secret"
    again = withdraw_annotator(answers.workspace, "ann@x.org", "asked", "test")
    assert (again.is_new, again.answers) == (False, 0)


def test_one_who_was_excluded_can_still_withdraw_and_not_the_other_way_round(
    answers: Answers,
) -> None:
    answers.give("ann@x.org", "s1")
    exclude_annotator(answers.workspace, "ann@x.org", "guesses", "test")
    assert withdraw_annotator(answers.workspace, "ann@x.org", "asked", "test").is_new
    assert not exclude_annotator(answers.workspace, "ann@x.org", "guesses", "test").is_new
    [row] = answers.workspace.table(WITHDRAWN).rows()
    assert row.keeps_answers is False


def test_an_image_is_withdrawn_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    workspace = prepare(tmp_path, images=2).workspace
    image = next(workspace.table(IMAGES).rows())
    done = withdraw_image(workspace, image.image_id[:10], "asked", "test")
    assert (done.id, done.is_new, done.blob) == (image.image_id, True, image.blob)
    assert not withdraw_image(workspace, image.image_id, "asked", "test").is_new
    for prefix in ("", image.image_id[:4], "f" * 64 if image.image_id[0] != "f" else "0" * 64):
        with pytest.raises(UnknownWithdrawalError):
            withdraw_image(workspace, prefix, "asked", "test")
