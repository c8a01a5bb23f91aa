"""An adjudicator's answer is final; the votes stay beside it."""

from pathlib import Path

import pytest

from alignbench.release.labels.compute import compute_labels
from alignbench.schemas.rows.annotation import Withdrawn
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, Verdict
from tests.release.benchmark import append, span, vote
from tests.release.test_labels import Bench, labels

RIGHT, WRONG, UNKNOWN = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def final(bench: Bench, verdict: Verdict | None, **changes):
    return bench.vote("judge", verdict, purpose=Purpose.ADJUDICATE, **changes)


def test_an_adjudication_replaces_the_verdict_and_leaves_the_votes(bench: Bench):
    votes = [bench.vote("a", RIGHT), bench.vote("b", WRONG), bench.vote("c", WRONG)]
    found = bench.label(*votes, final(bench, RIGHT))
    assert found is not None
    assert (found.verdict, found.confidence, found.adjudicated) == (RIGHT, 1.0, True)
    assert (found.n_correct, found.n_incorrect, found.agreement_ratio) == (1, 2, 2 / 3)
    assert (found.error_spans, found.error_type, found.span_agreement) == ((), None, None)


def test_its_spans_stand_with_the_votes_of_those_who_marked_the_same_words(bench: Bench):
    first, second = span(bench.sentence, 0, 7, "object"), span(bench.sentence, 9, 11, "text")
    votes = [bench.vote("a", WRONG, spans=[first]), bench.vote("b", WRONG), bench.vote("c", RIGHT)]
    found = bench.label(*votes, final(bench, WRONG, spans=[second, first]))
    assert found is not None
    assert [(s.start, s.type.value, s.votes) for s in found.error_spans] == [
        (0, "object", 1), (9, "text", 0),
    ]  # fmt: skip
    assert (found.error_type, found.span_agreement) == ("object", "adjudicated")


def test_the_newest_adjudication_counts(bench: Bench):
    found = bench.label(
        bench.vote("a", RIGHT), final(bench, UNKNOWN, minutes=1), final(bench, WRONG, minutes=2)
    )
    assert found is not None
    assert found.verdict is WRONG


def test_skipped_and_withdrawn_adjudications_count_for_nothing(bench: Bench):
    skipped = final(bench, None, status=AnnotationStatus.SKIPPED)
    found = bench.label(bench.vote("a", RIGHT), skipped)
    assert found is not None
    assert not found.adjudicated
    append(bench.workspace, [Withdrawn(kind="annotator", id="judge", reason="", version=1)])
    found = bench.label(final(bench, WRONG, minutes=1))
    assert found is not None
    assert not found.adjudicated


def test_a_sentence_below_the_minimum_of_votes_stays_out_though_it_is_adjudicated(bench: Bench):
    assert bench.label(bench.vote("a", RIGHT), final(bench, WRONG), minimum_votes=2) is None


def test_an_adjudication_makes_a_new_label_set(bench: Bench):
    append(bench.workspace, [vote(bench.sentence, name, RIGHT) for name in "ab"])
    before = compute_labels(bench.workspace, bench.rows.selection, "run-1")
    append(bench.workspace, [final(bench, UNKNOWN)])
    after = compute_labels(bench.workspace, bench.rows.selection, "run-2")
    assert before.label_set_id != after.label_set_id
    assert (before.adjudicated, after.adjudicated) == (0, 1)
    kept = labels(bench.workspace, before.label_set_id)[bench.sentence.sentence_id]
    assert kept.verdict is RIGHT
