"""Which marks an adjudicator's page begins with."""

from pathlib import Path

import pyarrow as pa

from alignbench.annotation.pushing.disputes import votes_on
from alignbench.annotation.units.unit import ShownAnswers
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType, Purpose, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.answers import Answers

GREY = Span(start=2, end=6, text="grey", type=HallucinationType.ATTRIBUTE)
CAT = Span(start=7, end=10, text="cat", type=HallucinationType.OBJECT)
OTHER_CAT = Span(start=7, end=10, text="cat", type=HallucinationType.ILLUSION)


def shown(root: Path, *votes: tuple[Verdict, tuple[Span, ...]]) -> ShownAnswers:
    answers = Answers(Workspace(LocalStore(root)))
    for number, (verdict, spans) in enumerate(votes):
        answers.give(f"person-{number}@example.org", "s", verdict, Purpose.LABEL, spans=spans)
    return votes_on(answers.workspace, pa.array(["s"]))["s"]


def test_the_marks_are_those_that_are_nearest_to_the_others(tmp_path: Path) -> None:
    wrong = Verdict.INCORRECT
    told = shown(
        tmp_path, (wrong, (GREY,)), (wrong, (GREY, CAT)), (wrong, (CAT,)), (Verdict.CORRECT, ())
    )
    assert told.marks == (GREY, CAT)
    assert told.answers == ()
    assert told.votes is not None
    assert "person" not in told.votes


def test_a_type_counts_as_much_as_the_words(tmp_path: Path) -> None:
    wrong = Verdict.INCORRECT
    assert shown(tmp_path, (wrong, (OTHER_CAT,)), (wrong, (CAT,)), (wrong, (CAT,))).marks == (CAT,)


def test_where_nobody_marked_anything_the_page_begins_empty(tmp_path: Path) -> None:
    assert shown(tmp_path, (Verdict.INCORRECT, ()), (Verdict.CORRECT, ())).marks == ()
