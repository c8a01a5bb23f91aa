"""Votes become labels: which answers are votes, what wins, and when there is nothing to do."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.release.labels.sets import label_sets
from alignbench.release.verify.verify import verify
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.rows.annotation import Withdrawn
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.rows.labels import Label
from alignbench.schemas.tables import LABEL_SETS, LABELS
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import (
    CONFIG,
    Rows,
    append,
    make_rows,
    make_workspace,
    released_folder,
    span,
    vote,
)
from tests.release.corruption import change_text
from tests.release.test_build import table_of

RIGHT, WRONG, UNKNOWN = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN


class Bench:
    """A workspace with sentences and no answers yet."""

    def __init__(self, folder: Path) -> None:
        store = LocalStore(folder)
        self.rows = make_rows(store, images=2)
        self.rows.annotations = []
        self.workspace = Workspace(store)
        self.rows.append(self.workspace)
        self.sentence: Sentence = self.rows.sentences[0]

    def label(
        self, *annotations, minimum_votes: int = 1, every_round: bool = False
    ) -> Label | None:
        append(self.workspace, annotations)
        report = compute_labels(
            self.workspace,
            self.rows.selection,
            "run-2",
            minimum_votes=minimum_votes,
            every_round=every_round,
        )
        return labels(self.workspace, report.label_set_id).get(self.sentence.sentence_id)

    def vote(self, annotator: str, verdict: Verdict | None, **changes):
        return vote(self.sentence, annotator, verdict, **changes)


def labels(workspace: Workspace, set_id: str) -> dict[str, Label]:
    rows = [row for row in workspace.table(LABELS).rows() if row.label_set_id == set_id]
    assert len(rows) == len({row.sentence_id for row in rows})
    return {row.sentence_id: row for row in rows}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_most_frequent_verdict_wins(bench: Bench):
    found = bench.label(bench.vote("a", RIGHT), bench.vote("b", WRONG), bench.vote("c", RIGHT))
    assert found is not None
    assert found.verdict is RIGHT
    assert (found.n_correct, found.n_incorrect, found.n_unknown) == (2, 1, 0)
    assert found.agreement_ratio == found.confidence == pytest.approx(2 / 3)
    assert found.fleiss_Pi == pytest.approx(1 / 3)
    assert found.error_spans == ()
    assert found.error_type is None
    assert found.span_agreement is None
    assert not found.adjudicated


def test_a_tie_is_unknown(bench: Bench):
    found = bench.label(bench.vote("a", RIGHT), bench.vote("b", WRONG))
    assert found is not None
    assert found.verdict is UNKNOWN
    assert found.agreement_ratio == 0.5
    assert found.fleiss_Pi == 0.0


def test_one_vote_has_no_agreement_between_pairs(bench: Bench):
    found = bench.label(bench.vote("a", UNKNOWN))
    assert found is not None
    assert (found.verdict, found.agreement_ratio, found.fleiss_Pi) == (UNKNOWN, 1.0, None)


def test_an_incorrect_sentence_gets_the_spans_that_its_annotators_agree_on(bench: Bench):
    marks = [span(bench.sentence, 0, 7, "object")]
    found = bench.label(
        bench.vote("a", WRONG, spans=marks), bench.vote("b", WRONG, spans=marks),
        bench.vote("c", RIGHT),
    )  # fmt: skip
    assert found is not None
    assert [(s.start, s.end, s.text, s.votes) for s in found.error_spans] == [(0, 7, "careful", 2)]
    assert (found.error_type, found.span_agreement) == ("object", "consensus")


def test_a_vote_is_the_newest_answer_of_an_annotator(bench: Bench):
    found = bench.label(
        bench.vote("a", WRONG, minutes=1), bench.vote("a", RIGHT, minutes=3),
        bench.vote("a", UNKNOWN, minutes=2),
    )  # fmt: skip
    assert found is not None
    assert (found.n_correct, found.n_incorrect, found.n_unknown) == (1, 0, 0)


def test_an_annotator_counts_once_over_all_rounds_by_the_newest_answer(bench: Bench):
    found = bench.label(
        bench.vote("a", WRONG, minutes=2, round="1"), bench.vote("a", RIGHT, minutes=3, round="2"),
        bench.vote("b", RIGHT, round="1"),
    )  # fmt: skip
    assert found is not None
    assert (found.n_correct, found.n_incorrect) == (2, 0)


def test_an_annotator_counts_in_every_round_where_that_is_asked_for(bench: Bench):
    answers = (bench.vote("a", WRONG), bench.vote("a", RIGHT, minutes=1, round="2"))
    found = bench.label(*answers, every_round=True)
    assert found is not None
    assert (found.n_correct, found.n_incorrect) == (1, 1)
    assert LabelOptions.of_json(label_sets(bench.workspace)[-1].options).every_round
    once = bench.label()
    assert once is not None
    assert (once.n_correct, once.n_incorrect) == (1, 0)


def test_who_counts_once_in_a_release_cannot_be_made_to_count_twice(bench: Bench, tmp_path: Path):
    answers = [bench.vote("a", WRONG), bench.vote("a", RIGHT, minutes=1, round="2")]
    for every_round, votes in ((True, 2), (False, 1)):
        bench.label(*answers, every_round=every_round)
        config = CONFIG.model_copy(update={"version": f"{votes}.0.0"})
        build_release(bench.workspace, bench.rows.selection, config)
        folder = released_folder(bench.workspace, config)
        assert verify(folder).findings == ()
        [row] = table_of(folder)
        assert row["n_votes"] == votes
        if every_round:
            change_text(folder, "release.json", '"every_round": true', '"every_round": false')
            assert "R11" in verify(folder).broken


def test_skipped_deleted_gold_and_adjudicating_answers_are_no_votes(bench: Bench):
    later = bench.vote("a", RIGHT)
    gone = replace(
        later, status=AnnotationStatus.DELETED, updated_at=later.updated_at + timedelta(minutes=1)
    )
    append(bench.workspace, [later])
    assert bench.label(
        gone,
        bench.vote("b", None, status=AnnotationStatus.SKIPPED),
        bench.vote("c", WRONG, purpose=Purpose.GOLD),
        bench.vote("d", WRONG, purpose=Purpose.ADJUDICATE),
    ) is None  # fmt: skip


def test_withdrawn_annotators_and_images_count_no_more(bench: Bench):
    append(bench.workspace, [bench.vote("a", RIGHT), bench.vote("b", WRONG)])
    append(bench.workspace, [Withdrawn(kind="annotator", id="b", reason="asked", version=1)])
    found = bench.label()
    assert found is not None
    assert (found.n_correct, found.n_incorrect) == (1, 0)
    image = Withdrawn(kind="image", id=bench.sentence.image_id, reason="asked", version=1)
    append(bench.workspace, [image])
    assert bench.label() is None


def test_sentences_below_the_minimum_of_votes_get_no_label(bench: Bench):
    append(bench.workspace, [vote(bench.rows.sentences[1], name, RIGHT) for name in "ab"])
    append(bench.workspace, [bench.vote("a", RIGHT)])
    report = compute_labels(bench.workspace, bench.rows.selection, "run", minimum_votes=2)
    assert (report.labelled, report.below_minimum_votes) == (1, 1)
    assert report.unanswered == len(bench.rows.sentences) - 2
    assert list(labels(bench.workspace, report.label_set_id)) == [
        bench.rows.sentences[1].sentence_id
    ]


def test_sentences_that_are_not_selected_get_no_label(bench: Bench):
    append(bench.workspace, [vote(sentence, "a", RIGHT) for sentence in bench.rows.sentences])
    hasty = replace(bench.rows.selection, generator_ids=bench.rows.selection.generator_ids[1:2])
    report = compute_labels(bench.workspace, hasty, "run")
    expected = {s.sentence_id for s in bench.rows.sentences if s.model == "hasty"}
    assert labels(bench.workspace, report.label_set_id).keys() == expected


def test_unchanged_answers_are_nothing_to_do(workspace: Workspace, rows: Rows):
    first = compute_labels(workspace, rows.selection, "run-1")
    parts = workspace.table(LABELS).part_names()
    second = compute_labels(workspace, rows.selection, "run-2")
    assert (first.computed, second.computed) == (True, False)
    assert second.label_set_id == first.label_set_id
    assert second.labelled == first.labelled
    assert workspace.table(LABELS).part_names() == parts
    assert len(label_sets(workspace)) == 1


def test_new_answers_make_a_new_label_set_and_keep_the_old_one(workspace: Workspace, rows: Rows):
    first = compute_labels(workspace, rows.selection, "run-1")
    append(workspace, [vote(rows.sentences[0], "new@example.org", WRONG)])
    second = compute_labels(workspace, rows.selection, "run-2")
    assert second.computed
    assert [row.label_set_id for row in label_sets(workspace)] == [
        first.label_set_id, second.label_set_id,
    ]  # fmt: skip
    assert labels(workspace, first.label_set_id)


def test_options_that_come_back_make_their_label_set_current_again(
    workspace: Workspace, rows: Rows
):
    first = compute_labels(workspace, rows.selection, "run-1")
    compute_labels(workspace, rows.selection, "run-2", minimum_votes=2)
    count = workspace.table(LABELS).count()
    back = compute_labels(workspace, rows.selection, "run-3")
    assert back.computed
    assert back.label_set_id == first.label_set_id == label_sets(workspace)[-1].label_set_id
    assert workspace.table(LABELS).count() == count


def test_a_run_that_was_killed_is_finished_by_the_next(workspace: Workspace, rows: Rows):
    whole = compute_labels(workspace, rows.selection, "run-1")
    expected = labels(workspace, whole.label_set_id)
    store = workspace.store
    for spec in (LABELS, LABEL_SETS):
        for name in workspace.table(spec).part_names():
            store.delete(f"tables/{spec.name}/{name}")
    fresh = Workspace(store)
    append(fresh, list(expected.values())[:7])
    again = compute_labels(fresh, rows.selection, "run-2")
    assert again.computed
    assert labels(fresh, again.label_set_id) == expected


def test_labels_do_not_depend_on_the_order_of_parts(tmp_path: Path):
    found = []
    for seed in (None, 1, 2):
        workspace, rows = make_workspace(LocalStore(tmp_path / str(seed)), seed=seed)
        report = compute_labels(workspace, rows.selection, "run")
        found.append((report, labels(workspace, report.label_set_id)))
    assert found[0] == found[1] == found[2]
