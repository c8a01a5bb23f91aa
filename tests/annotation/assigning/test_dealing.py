"""Dealing a round out from its tables: what stands there afterwards, and what a doubt adds."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alignbench.annotation.assigning.asked import Asked, AskedUnits
from alignbench.annotation.assigning.dealer import deal
from alignbench.annotation.assigning.dealing import Dealt, RoundDealer
from alignbench.annotation.assigning.doubts import doubtful_sentences
from alignbench.annotation.assigning.standings import Team
from alignbench.annotation.rounds.forms import begin_round, in_control, round_form
from alignbench.schemas.configuration.annotation_section import AnnotationConfig, VotesConfig
from alignbench.schemas.rows.annotation import Annotation, Assignment, Round, Task
from alignbench.schemas.rows.labels import Label, LabelSet
from alignbench.schemas.tables import ANNOTATIONS, ASSIGNMENTS, LABEL_SETS, LABELS, TASKS
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AssignmentState,
    LabelMethod,
    Purpose,
    RoundForm,
    TaskState,
    Verdict,
)
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace

PEOPLE = frozenset(f"{letter}@example.org" for letter in "abcdef")
UNITS = [Asked(f"s{i:02}-{k}", f"i{i:02}", Purpose.LABEL) for i in range(30) for k in range(2)]
THREE = AnnotationConfig()
ADAPTIVE = AnnotationConfig(votes=VotesConfig(first=2, most=5, control_share=0.2))
NOON = datetime(2026, 1, 1, tzinfo=UTC)


class Tables:
    def __init__(self, folder: Path, settings: AnnotationConfig) -> None:
        self.workspace = Workspace(LocalStore(folder))
        self.form: Round = begin_round(self.workspace, "1", settings, "test")
        self._number = 0

    def deal(self, units: Sequence[Asked] = UNITS, again: bool = False) -> Dealt:
        doubtful = doubtful_sentences(self.workspace, self.form)
        asked = AskedUnits.of(units)
        dealer = RoundDealer(self.workspace, self.form, asked, doubtful=doubtful, again=again)
        return dealer.deal(deal, Team(PEOPLE), _nothing_begun, "test")

    def rows(self) -> list[Assignment]:
        return list(self.workspace.table(ASSIGNMENTS).rows())

    def answer(
        self,
        rows: Sequence[Assignment],
        status: AnnotationStatus = AnnotationStatus.SUBMITTED,
        round_name: str = "1",
    ) -> None:
        self._number += 1
        answers = [
            Annotation(
                server="s", project_id=self._number, annotation_id=number, sentence_id=row.unit_id,
                task_id=number, round=round_name, purpose=row.purpose, annotator=row.annotator,
                verdict=Verdict.CORRECT, spans=(), status=status, flags=(), note=None,
                preannotated_by=None, updated_by=None, text_sha256="", lead_seconds=None,
                annotated_at=NOON, updated_at=NOON + timedelta(seconds=self._number),
            )
            for number, row in enumerate(rows)
        ]  # fmt: skip
        self.workspace.table(ANNOTATIONS).append(answers, "test")

    def label(self, confidence: float, votes: int, doubted: Collection[str]) -> None:
        """Makes all labels as sure as that where they are doubted, and wholly sure elsewhere."""
        sets = len(list(self.workspace.table(LABEL_SETS).rows()))
        labels = [
            Label(
                label_set_id=f"set-{sets}", sentence_id=unit.unit_id, verdict=Verdict.CORRECT,
                confidence=confidence if unit.unit_id in doubted else 1.0, n_correct=votes,
                n_incorrect=0, n_unknown=0, agreement_ratio=1.0, fleiss_Pi=None, error_type=None,
                error_spans=(), span_agreement=None, adjudicated=False,
            )
            for unit in UNITS
        ]  # fmt: skip
        self.workspace.table(LABELS).append(labels, "test")
        row = LabelSet(
            label_set_id=f"set-{sets}", method=LabelMethod.SMOOTHED_DAWID_SKENE, options="{}",
            answers_sha256=str(sets), sentences=len(labels), version=sets + 1,
        )  # fmt: skip
        self.workspace.table(LABEL_SETS).append([row], "test")


def _nothing_begun(annotator: str, units: Collection[str]) -> set[str]:
    return set()


@pytest.fixture
def three(tmp_path: Path) -> Tables:
    return Tables(tmp_path, THREE)


def test_what_was_dealt_is_written_once_and_then_nothing_more(three: Tables) -> None:
    assert three.deal().opened == 3 * len(UNITS)
    parts = three.workspace.table(ASSIGNMENTS).part_names()
    assert len(parts) == 1, "one part is one commit: a kill leaves all of it or nothing"
    assert three.deal() == Dealt()
    assert three.workspace.table(ASSIGNMENTS).part_names() == parts


@pytest.mark.parametrize("settings", [THREE, ADAPTIVE])
def test_gold_is_put_to_the_people_who_have_the_rest_of_its_image(
    tmp_path: Path, settings: AnnotationConfig
) -> None:
    tables = Tables(tmp_path, settings)
    is_gold = {unit.unit_id for unit in UNITS[1::7]}
    units = [
        unit._replace(purpose=Purpose.GOLD) if unit.unit_id in is_gold else unit for unit in UNITS
    ]
    tables.deal(units)
    asked: dict[str, set[str]] = {unit.unit_id: set() for unit in units}
    for row in tables.rows():
        asked[row.unit_id].add(row.annotator)
    for first, second in zip(units[::2], units[1::2], strict=True):
        assert asked[first.unit_id] == asked[second.unit_id], "No unit of an image stands alone."
    assert {len(asked[unit_id]) for unit_id in is_gold} == {tables.form.most}
    assert tables.deal(units).opened == 0


def test_answers_skips_and_deletions_become_states_and_only_answers_fill_a_place(
    three: Tables,
) -> None:
    three.deal()
    voted, skipped, deleted, *_ = (row for row in three.rows() if row.annotator[0] == "a")
    three.answer([voted])
    three.answer([skipped], AnnotationStatus.SKIPPED)
    three.answer([deleted], AnnotationStatus.DELETED)
    assert three.deal().opened == 2
    states = {(row.unit_id, row.annotator): row.state for row in three.rows()}
    assert states[voted.unit_id, voted.annotator] is AssignmentState.ANSWERED
    assert states[skipped.unit_id, skipped.annotator] is AssignmentState.SKIPPED
    assert states[deleted.unit_id, deleted.annotator] is AssignmentState.CLOSED


def test_a_unit_that_three_people_skipped_is_named_and_put_to_nobody_else(three: Tables) -> None:
    three.deal()
    unit = UNITS[0].unit_id
    three.answer([r for r in three.rows() if r.unit_id == unit], AnnotationStatus.SKIPPED)
    dealt = three.deal()
    assert (dealt.opened, dealt.skipped, dealt.lacking) == (0, [unit], 0)


def test_nobody_is_asked_what_they_answered_in_another_round_unless_again(three: Tables) -> None:
    three.deal()
    three.answer(three.rows())
    three.form = begin_round(three.workspace, "2", THREE, "test")
    three.deal()
    first, second = (
        {(r.unit_id, r.annotator) for r in three.rows() if r.round == name} for name in "12"
    )
    assert not first & second
    three.form = begin_round(three.workspace, "3", THREE, "test")
    assert three.deal().lacking == 0
    three.answer([row for row in three.rows() if row.round == "2"], round_name="2")
    three.form = begin_round(three.workspace, "4", THREE, "test")
    assert three.deal().lacking == 3 * len(UNITS)
    assert three.deal(again=True).opened == 3 * len(UNITS)


def test_a_round_keeps_the_votes_that_it_was_begun_with(three: Tables) -> None:
    other = AnnotationConfig(annotators_per_sentence=5)
    assert begin_round(three.workspace, "1", other, "test") == three.form
    assert three.form.first == 3
    assert round_form(three.workspace, "next", other).first == 5


@pytest.mark.parametrize(
    ("assignee", "form"), [(None, RoundForm.SHARED), ("a@example.org", RoundForm.QUEUES)]
)
def test_a_round_of_an_earlier_version_goes_on_as_it_was_begun(
    tmp_path: Path, assignee: str | None, form: RoundForm
) -> None:
    workspace = Workspace(LocalStore(tmp_path))
    task = Task(
        server="s", project_id=1, task_id=1, sentence_id=UNITS[0].unit_id, round="1",
        purpose=Purpose.LABEL, state=TaskState.CONFIRMED, version=1, assignee=assignee,
    )  # fmt: skip
    workspace.table(TASKS).append([task], "test")
    assert round_form(workspace, "1", ADAPTIVE).form is form
    assert round_form(workspace, "1", ADAPTIVE).first == 3
    if assignee is not None:
        tables = Tables(tmp_path, THREE)
        tables.deal()
        asked = {row.annotator for row in tables.rows() if row.unit_id == task.sentence_id}
        assert assignee in asked
        assert len(asked) == 3


def test_a_doubt_asks_one_more_person_at_a_time_up_to_the_most(tmp_path: Path) -> None:
    tables = Tables(tmp_path, ADAPTIVE)
    tables.deal()
    control = {u.unit_id for u in UNITS if in_control(tables.form, u.image_id)}
    assert 0 < len(control) < len(UNITS) / 2
    counts = Counter(row.unit_id for row in tables.rows())
    assert {unit.unit_id: counts[unit.unit_id] for unit in UNITS} == {
        unit.unit_id: 5 if unit.unit_id in control else 2 for unit in UNITS
    }
    doubted = sorted({unit.unit_id for unit in UNITS} - control)[:4]
    for votes in (2, 3, 4, 5):
        tables.answer([row for row in tables.rows() if row.state is AssignmentState.OPEN])
        assert tables.deal().opened == 0, "a label that has not seen the votes says nothing"
        tables.label(0.97, votes, doubted)
        assert tables.deal().opened == (len(doubted) if votes < 5 else 0)
        assert tables.deal().opened == 0, "dealing again adds nothing"
    waves = {row.wave for row in tables.rows() if row.unit_id == doubted[0]}
    assert waves == {1, 2, 3, 4}
    assert {row.wave for row in tables.rows() if row.unit_id in control} == {1}


@pytest.mark.parametrize("seen", [2, 4])
@pytest.mark.parametrize(("options", "votes"), [("{}", 2), ('{"every_round": true}', 4)])
def test_somebody_who_is_asked_again_counts_as_often_for_doubts_as_for_labels(
    tmp_path: Path, options: str, votes: int, seen: int
) -> None:
    tables = Tables(tmp_path, ADAPTIVE)
    tables.deal()
    tables.answer(tables.rows())
    tables.answer(tables.rows(), round_name="2")  # everybody, once more
    units = {unit.unit_id for unit in UNITS if not in_control(tables.form, unit.image_id)}
    tables.label(0.5, seen, units)
    [current] = tables.workspace.table(LABEL_SETS).rows()
    tables.workspace.table(LABEL_SETS).append([replace(current, options=options, version=2)], "x")
    found = doubtful_sentences(tables.workspace, tables.form)
    assert found == (units if seen == votes else frozenset())


def test_a_label_by_another_method_leaves_no_doubt(tmp_path: Path) -> None:
    tables = Tables(tmp_path, ADAPTIVE)
    tables.deal()
    tables.answer(tables.rows())
    tables.label(0.5, 2, {unit.unit_id for unit in UNITS})
    [current] = tables.workspace.table(LABEL_SETS).rows()
    other = replace(current, label_set_id="other", method=LabelMethod.MAJORITY, version=2)
    tables.workspace.table(LABEL_SETS).append([other], "test")
    assert tables.deal().opened == 0
