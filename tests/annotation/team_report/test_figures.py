"""The figures that a manager is shown of a team."""

from dataclasses import replace
from pathlib import Path

import pytest

from alignbench.annotation.assigning.asked import Asked, AskedUnits
from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.rounds.withdrawal import exclude_annotator
from alignbench.annotation.team_report.given_answers import given_answers
from alignbench.annotation.team_report.intervals import Share
from alignbench.annotation.team_report.needing_help import needs
from alignbench.annotation.team_report.progress import RoundFacts, active_hours, by_day, progress
from alignbench.annotation.team_report.quality import (
    agreement_by_week,
    gold_accuracy,
    gold_answers,
    habits,
)
from alignbench.schemas.rows.annotation import Assignment, Gold, QuarantinedAnnotation
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ASSIGNMENTS, GOLD, QUARANTINE, ROUNDS
from alignbench.schemas.vocabulary import (
    AnnotationUnit,
    AnswerFlag,
    AssignmentState,
    HallucinationType,
    Purpose,
    Verdict,
)
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.answers import NOW, Answers
from tests.annotation.team_report.drawn_team import (
    CAREFUL_ONE,
    FORM,
    GUESSER,
    HASTY_ONE,
    OTHER_CAREFUL_ONE,
    DrawnTeam,
)

SPAN = Span(start=2, end=6, type=HallucinationType.ATTRIBUTE, text="grey")
TWO_VOTES = replace(FORM, first=2, most=2)


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(Workspace(LocalStore(tmp_path)))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> DrawnTeam:
    return DrawnTeam(tmp_path_factory.mktemp("team"))


def ask(workspace: Workspace, name: str, unit_id: str, state: AssignmentState) -> None:
    row = Assignment(
        round="1", unit_id=unit_id, annotator=name, unit=AnnotationUnit.SENTENCE,
        purpose=Purpose.LABEL, wave=1, state=state, version=1,
    )  # fmt: skip
    workspace.table(ASSIGNMENTS).append([row], "test")


def facts(workspace: Workspace) -> list[RoundFacts]:
    asked = AskedUnits.of(Asked(f"s{number}", "i", Purpose.LABEL) for number in (1, 2, 3))
    return [RoundFacts(TWO_VOTES, asked, RoundQuestions(workspace, "1", asked.unit_ids))]


def test_a_round_tells_wanted_given_over_given_and_left_of_itself_and_of_each_person(
    answers: Answers,
) -> None:
    workspace = answers.workspace
    for name in ("ann", "bob", "cat"):
        ask(workspace, name, "s1", AssignmentState.ANSWERED)
        answers.give(name, "s1")
    ask(workspace, "ann", "s2", AssignmentState.ANSWERED)
    answers.give("ann", "s2", day=1)
    ask(workspace, "bob", "s2", AssignmentState.OPEN)
    ask(workspace, "cat", "s2", AssignmentState.CLOSED)
    ask(workspace, "ann", "s3", AssignmentState.OPEN)
    far = progress(facts(workspace), given_answers(workspace), {"bob"})
    [row] = far.rounds.to_pylist()
    assert (row["wanted"], row["given"], row["over_given"], row["left"]) == (6, 4, 1, 3)
    assert row["put_to_nobody"] == 1, "Of s3 one of two votes stands in no queue."
    people = {row["annotator"]: row for row in far.people.to_pylist()}
    assert [people[n]["over_given"] for n in ("ann", "bob", "cat")] == [0, 0, 1]
    assert [people[n]["left"] for n in ("ann", "bob", "cat")] == [1, 1, 0]
    assert people["cat"]["taken_back"] == 1
    assert [people[n]["standing"] for n in ("ann", "bob")] == ["works", "paused"]
    assert people["ann"]["ends"] == "2026-01-02", "One left, at two answers a day."
    assert people["bob"]["ends"] == "2026-01-03", "One left, at one answer in a day."
    assert row["ends"] == "2026-01-03", "The last of them."


def test_a_round_of_captions_counts_captions_and_one_answer_for_each(answers: Answers) -> None:
    workspace = answers.workspace
    form = replace(TWO_VOTES, unit=AnnotationUnit.CAPTION)
    workspace.table(ROUNDS).append([form], "test")
    said = dict.fromkeys(("s1", "s2", "s3"), Verdict.CORRECT)
    for name in ("ann", "bob"):
        ask(workspace, name, "c1", AssignmentState.OPEN)
    answers.give_caption("ann", "c1", said, seconds=900)
    answers.give_caption("bob", "c1", {key: said[key] for key in ("s1", "s3")}, seconds=60)
    aside = QuarantinedAnnotation(
        server="s", project_id=1, annotation_id=5, task_id=1, code="AB-A36", reason="", raw="",
        updated_at=NOW, sentence_ids=("s2",),
    )  # fmt: skip
    workspace.table(QUARANTINE).append([aside], "test")
    asked = AskedUnits.of([Asked("c1", "i", Purpose.LABEL, tuple(said))])
    known = RoundQuestions(workspace, "1", asked.unit_ids)
    given = given_answers(workspace)
    far = progress([RoundFacts(form, asked, known)], given, ())
    [row] = far.rounds.to_pylist()
    assert (row["units"], row["wanted"], row["given"], row["left"]) == (1, 2, 1, 1)
    assert row["put_to_nobody"] == 1, "Bob's fills no place: one of his sentences is set aside."
    hours = {row["annotator"]: row for row in active_hours(given, 300).to_pylist()}
    assert hours["ann"]["active_hours"] == pytest.approx(300 / 3600), "One cap for one answer."
    assert [hours[name]["answers"] for name in ("ann", "bob")] == [1, 1]


def test_a_round_whose_end_nobody_can_foresee_names_none(answers: Answers) -> None:
    ask(answers.workspace, "ann", "s1", AssignmentState.OPEN)
    far = progress(facts(answers.workspace), given_answers(answers.workspace), ())
    assert far.rounds["ends"].to_pylist() == [None]
    assert far.rounds["left"].to_pylist() == [6]


def test_hours_cut_long_answers_to_the_cap_and_count_skips(answers: Answers) -> None:
    answers.give("ann", "s1", seconds=1800)
    answers.give("ann", "s2", seconds=100)
    answers.give("ann", "s3", None, seconds=200, day=1)
    given = given_answers(answers.workspace)
    [row] = active_hours(given, 300).to_pylist()
    assert row["active_hours"] == pytest.approx((300 + 100 + 200) / 3600)
    assert (row["answers"], row["skips"], row["cut_to_the_cap"]) == (2, 1, 1)
    days = by_day(given, 300).to_pylist()
    assert [(day["day"], day["answers"], day["skips"]) for day in days] == [
        ("2026-01-01", 2, 0),
        ("2026-01-02", 0, 1),
    ]


def test_gold_is_told_by_verdict_and_type_and_nobody_is_judged_on_few(answers: Answers) -> None:
    rows = [
        Gold(sentence_id="g1", verdict=Verdict.CORRECT, spans=(), source="f", version=1),
        Gold(sentence_id="g2", verdict=Verdict.INCORRECT, spans=(SPAN,), source="f", version=1),
    ]
    answers.workspace.table(GOLD).append(rows, "test")
    answers.give("ann", "g1", purpose=Purpose.GOLD)
    elsewhere = replace(SPAN, start=20, end=23)
    answers.give("ann", "g2", Verdict.INCORRECT, Purpose.GOLD, spans=(elsewhere,))
    answers.give("bob", "g2", Verdict.UNKNOWN, Purpose.GOLD)
    given = given_answers(answers.workspace)
    on_gold = gold_answers(given, {row.sentence_id: row for row in rows})
    found = {
        (row["annotator"], row["gold_that_is"]): (row["right"], row["answers"], row["below_others"])
        for row in gold_accuracy(on_gold).to_pylist()
    }
    assert found == {
        ("ann", "all"): (2, 2, False),
        ("ann", "correct"): (1, 1, False),
        ("ann", "incorrect"): (1, 1, False),
        ("ann", "type attribute"): (0, 1, False),
        ("bob", "all"): (0, 1, False),
        ("bob", "incorrect"): (0, 1, False),
        ("bob", "type attribute"): (0, 1, False),
    }
    assert needs(given, on_gold) == []


def test_wilsons_interval_holds_at_the_ends() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert (Share(81, 263).low, Share(81, 263).high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert (Share(0, 20).low, Share(0, 20).high) == pytest.approx((0, 0.1611), abs=1e-4)
    assert (Share(0, 0).value, Share(0, 0).low) == (None, None)


def test_agreement_is_told_by_week_and_those_who_do_not_count_are_no_measure(
    answers: Answers,
) -> None:
    for name in ("ann@x.org", "bob@x.org", "out@x.org"):
        said = Verdict.UNKNOWN if name.startswith("out") else Verdict.CORRECT
        answers.give(name, "s1", said)
        answers.give(name, "s2", said, day=7)
    exclude_annotator(answers.workspace, "out@x.org", "guesses", "test")
    rows = agreement_by_week(given_answers(answers.workspace)).to_pylist()
    found = {
        (r["annotator"], r["week_from"]): (r["shared_sentences"], r["agreement"]) for r in rows
    }
    assert found == {
        ("ann@x.org", "2025-12-29"): (1, 1.0),
        ("ann@x.org", "2026-01-05"): (1, 1.0),
        ("bob@x.org", "2025-12-29"): (1, 1.0),
        ("bob@x.org", "2026-01-05"): (1, 1.0),
        ("out@x.org", "2025-12-29"): (1, 0.0),
        ("out@x.org", "2026-01-05"): (1, 0.0),
    }


def test_contradictions_and_missing_marks_are_counted(answers: Answers) -> None:
    answers.give("ann", "s1", flags=(AnswerFlag.SPANS_DROPPED,))
    answers.give("ann", "s2", Verdict.INCORRECT)
    answers.give("ann", "s3", Verdict.INCORRECT, spans=(SPAN,))
    [row] = habits(given_answers(answers.workspace)).to_pylist()
    assert row["contradictions"] == 1
    assert (row["incorrect_without_marks"], row["without_marks_share"]) == (1, 0.5)
    assert (row["incorrect"], row["type_attribute"]) == (pytest.approx(2 / 3), 1.0)


def test_of_a_drawn_team_the_guesser_needs_help_and_the_careful_do_not(team: DrawnTeam) -> None:
    given = given_answers(team.workspace)
    gold = gold_answers(given, {row.sentence_id: row for row in team.workspace.table(GOLD).rows()})
    found = {need.annotator: set() for need in needs(given, gold)}
    for need in needs(given, gold):
        found[need.annotator].add(need.what)
        assert need.shown
    assert CAREFUL_ONE not in found and OTHER_CAREFUL_ONE not in found  # noqa: PT018
    assert len(found[GUESSER]) >= 4
    assert set(found) <= {GUESSER, HASTY_ONE}
    questions = RoundQuestions(team.workspace, "1", team.asked.unit_ids)
    far = progress([RoundFacts(FORM, team.asked, questions)], given, ())
    [row] = far.rounds.to_pylist()
    assert row["given"] + row["left"] == row["wanted"] == 4 * len(team.sentences)
