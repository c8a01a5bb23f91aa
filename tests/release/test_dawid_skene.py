"""Dawid and Skene's model: who errs more counts for less."""

import random
import sys

import numpy as np
import pytest

from alignbench.release.errors import NoLabelsError, UnusableNameError
from alignbench.release.labels.compute import compute_labels
from alignbench.release.labels.dawid_skene import posteriors
from alignbench.release.labels.sets import find_label_set, label_sets
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.vocabulary import LabelMethod, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import Rows, append, make_rows, make_workspace, vote
from tests.release.test_labels import labels

RIGHT, WRONG, UNKNOWN = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN


@pytest.fixture
def crowd(tmp_path) -> tuple[Workspace, Rows, dict[str, Verdict]]:
    """Three careful annotators and four who toss a coin; returns the truth too."""
    store = LocalStore(tmp_path)
    rows = make_rows(store, images=40)
    order = random.Random(3)
    truth = {row.sentence_id: order.choice([RIGHT, WRONG]) for row in rows.sentences}
    rows.annotations = []
    for sentence in rows.sentences:
        for name in ("ann", "bob", "eve"):
            fault = order.random() < 0.05
            verdict = truth[sentence.sentence_id]
            other = WRONG if verdict is RIGHT else RIGHT
            rows.annotations.append(vote(sentence, name, other if fault else verdict))
        for name in ("w1", "w2", "w3", "w4"):
            rows.annotations.append(vote(sentence, name, order.choice([RIGHT, WRONG, UNKNOWN])))
    workspace = Workspace(store)
    rows.append(workspace)
    return workspace, rows, truth


def right_share(workspace, set_id, truth) -> float:
    found = labels(workspace, set_id)
    return float(np.mean([found[key].verdict is verdict for key, verdict in truth.items()]))


def test_it_finds_the_truth_that_careless_annotators_outvote(crowd):
    workspace, rows, truth = crowd
    majority = compute_labels(workspace, rows.selection, "run-1")
    model = compute_labels(
        workspace, rows.selection, "run-2", method=LabelMethod.DAWID_SKENE, name="model"
    )
    by_majority = right_share(workspace, majority.label_set_id, truth)
    assert right_share(workspace, model.label_set_id, truth) > by_majority + 0.05
    for label in labels(workspace, model.label_set_id).values():
        assert 1 / 3 <= label.confidence <= 1
        assert label.span_agreement is None or label.verdict is WRONG
    assert find_label_set(workspace, "model").label_set_id == model.label_set_id
    assert find_label_set(workspace, majority.label_set_id[:8]).method == "majority"


def test_its_labels_do_not_depend_on_the_order_of_parts(tmp_path):
    found = []
    for seed in (None, 1, 2):
        workspace, rows = make_workspace(LocalStore(tmp_path / str(seed)), seed=seed)
        report = compute_labels(workspace, rows.selection, "run", method=LabelMethod.DAWID_SKENE)
        found.append(labels(workspace, report.label_set_id))
    assert found[0] == found[1] == found[2]


def test_two_who_contradict_each_other_leave_it_unknown(tmp_path):
    store = LocalStore(tmp_path)
    rows = make_rows(store, images=1)
    rows.annotations = [vote(rows.sentences[0], "a", RIGHT), vote(rows.sentences[0], "b", WRONG)]
    workspace = Workspace(store)
    rows.append(workspace)
    report = compute_labels(workspace, rows.selection, "run", method=LabelMethod.DAWID_SKENE)
    (label,) = labels(workspace, report.label_set_id).values()
    assert label.verdict is UNKNOWN
    assert label.confidence == pytest.approx(0.5)


def test_without_votes_there_are_no_posteriors():
    assert len(posteriors([]).sentence_ids) == 0


def test_without_crowd_kit_the_error_names_the_extra(crowd, monkeypatch):
    workspace, rows, _ = crowd
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation.classification.dawid_skene", None)
    with pytest.raises(MissingExtraError, match="crowd-kit") as caught:
        compute_labels(workspace, rows.selection, "run", method=LabelMethod.DAWID_SKENE)
    assert "alignbench[labels]" in caught.value.fix


def test_a_label_set_keeps_its_name_until_it_gets_another(workspace, rows):
    compute_labels(workspace, rows.selection, "run-1", name="first")
    compute_labels(workspace, rows.selection, "run-2", minimum_votes=2)
    compute_labels(workspace, rows.selection, "run-3")
    assert label_sets(workspace)[-1].name == "first"
    assert not compute_labels(workspace, rows.selection, "run-4", name="better").computed
    assert label_sets(workspace)[-1].name == "better"
    append(workspace, [vote(rows.sentences[0], "new", WRONG)])
    with pytest.raises(UnusableNameError, match="better"):
        compute_labels(workspace, rows.selection, "run-5", name="better")
    with pytest.raises(NoLabelsError, match="better"):
        find_label_set(workspace, "best")
