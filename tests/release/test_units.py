"""Answers to whole captions and to single sentences stand apart wherever people are compared."""

import csv
import random
from dataclasses import replace

from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.release.verify.verify import verify
from alignbench.release_format.release import open_release
from alignbench.schemas.vocabulary import AnnotationUnit, LabelMethod, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import CONFIG, make_rows, released_folder, vote
from tests.release.test_labels import labels


def test_agreement_is_told_for_each_unit_and_never_for_both(tmp_path):
    store = LocalStore(tmp_path)
    rows = make_rows(store)
    alone = [row for row in rows.annotations if row.annotator != "eve"]
    on_captions = [
        replace(
            row,
            round="whole",
            unit=AnnotationUnit.CAPTION,
            unit_id="a caption",
            annotation_id=row.annotation_id + 10_000,
        )
        for row in alone
    ]
    rows.annotations = [*alone, *on_captions]
    workspace = Workspace(store)
    rows.append(workspace)
    compute_labels(workspace, rows.selection, "run", every_round=True)
    build_release(workspace, rows.selection, CONFIG)
    folder = released_folder(workspace)
    report = verify(folder)
    assert report.ok, report
    units = open_release(folder).votes()["unit"].to_pylist()
    assert set(units) == {"sentence", "caption"}
    with (folder / "statistics" / "agreement_by_model.csv").open() as file:
        figures = {row.pop("model"): row for row in csv.DictReader(file)}
    assert figures["all"] == figures["all (caption)"], "The same answers, counted twice, apart."
    with (folder / "statistics" / "annotator_pairs.csv").open() as file:
        pairs = [row["model"] for row in csv.DictReader(file)]
    assert pairs.count("all") == pairs.count("all (caption)") > 0


def test_somebody_who_reads_whole_captions_badly_is_still_believed_on_sentences(tmp_path):
    store = LocalStore(tmp_path)
    rows = make_rows(store, images=40)
    order = random.Random(5)
    verdicts = [Verdict.CORRECT, Verdict.INCORRECT]
    truth = {row.sentence_id: order.choice(verdicts) for row in rows.sentences}
    rows.annotations = []
    for place, sentence in enumerate(rows.sentences):
        right = truth[sentence.sentence_id]
        # Two who are always right on sentences, and say correct to all of every second caption;
        # one who is right on nine of ten.
        on_caption = place % 2 == 0
        for name in ("ann", "bob"):
            row = vote(sentence, name, Verdict.CORRECT if on_caption else right)
            unit = AnnotationUnit.CAPTION if on_caption else AnnotationUnit.SENTENCE
            rows.annotations.append(replace(row, unit=unit))
        other = verdicts[right is Verdict.CORRECT]
        third = right if order.random() < 0.9 else other
        rows.annotations.append(vote(sentence, "eve", third))
    workspace = Workspace(store)
    rows.append(workspace)
    made = compute_labels(workspace, rows.selection, "run", method=LabelMethod.SMOOTHED_DAWID_SKENE)
    found = labels(workspace, made.label_set_id)
    missed = [
        row
        for place, row in enumerate(rows.sentences)
        if place % 2 == 0
        and truth[row.sentence_id] is Verdict.INCORRECT
        and found[row.sentence_id].verdict is not Verdict.INCORRECT
    ]
    wrong = sum(truth[row.sentence_id] is Verdict.INCORRECT for row in rows.sentences[::2])
    assert len(missed) < 0.3 * wrong, "Silence on captions weighs little."
