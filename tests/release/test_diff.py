"""What changed between two releases or label sets, named sentence by sentence."""

import shutil

import pytest

from alignbench.release.build import build_release
from alignbench.release.diff import Kind, diff_label_sets, diff_releases
from alignbench.release.errors import NoLabelsError
from alignbench.release.labels.compute import compute_labels
from alignbench.release_format.errors import NotAReleaseError
from alignbench.schemas.vocabulary import LabelMethod, Verdict
from tests.release.benchmark import CONFIG, append, released_folder, span, vote
from tests.release.corruption import DATA, VOTES, change_rows
from tests.release.test_build import build

RIGHT, WRONG = Verdict.CORRECT, Verdict.INCORRECT


def newer(workspace, rows, **changes):
    config = CONFIG.model_copy(update={"version": "2.0.0", **changes})
    build_release(workspace, rows.selection, config)
    return str(released_folder(workspace, config))


def test_a_release_does_not_differ_from_itself(released):
    found = diff_releases(str(released), str(released))
    assert found.sentences == (20, 20)
    assert (found.counts, found.verdicts, found.changes) == ({}, {}, ())


def test_added_removed_and_changed_sentences_are_named(workspace, rows):
    old = str(build(workspace, rows))
    changed, unanswered = rows.sentences[4], rows.sentences[5]  # one vote: correct; none
    marked = rows.sentences[1]  # ann and bob marked three letters
    answers = [vote(changed, name, WRONG, minutes=9) for name in ("x", "y")]
    answers += [vote(unanswered, "x", RIGHT)]
    answers += [
        vote(marked, f"{name}@example.org", WRONG, [span(marked, 4, 6, "text")], minutes=9)
        for name in ("ann", "bob", "eve")
    ]
    append(workspace, answers)
    compute_labels(workspace, rows.selection, "run-2")
    found = diff_releases(old, newer(workspace, rows))
    by_kind = {kind: [c for c in found.changes if c.kind is kind] for kind in Kind}
    assert [c.sentence_id for c in by_kind[Kind.ADDED]] == [unanswered.sentence_id]
    assert (by_kind[Kind.ADDED][0].old, by_kind[Kind.ADDED][0].new) == (None, "correct")
    (verdict,) = by_kind[Kind.VERDICT]
    assert verdict == (
        Kind.VERDICT, changed.sentence_id, changed.model, changed.text, "correct", "incorrect",
        "annotation",
    )  # fmt: skip
    assert found.verdicts == {("correct", "incorrect"): 1}
    (spans,) = by_kind[Kind.SPANS]
    assert spans.sentence_id == marked.sentence_id
    assert spans.new == "2-7 text 'small' (3)"  # the whole word, of which two letters were marked
    assert found.sentences == (20, 21)
    backwards = diff_releases(released_folder(workspace).parent.as_posix() + "/2.0.0", old)
    assert backwards.counts[Kind.REMOVED, unanswered.model] == 1


def test_a_change_of_split_is_a_change(workspace, rows):
    old = str(build(workspace, rows))
    found = diff_releases(old, newer(workspace, rows, splits={"dev": 1.0}))
    assert sum(found.counts.values()) == 20
    assert {(c.kind, c.old, c.new) for c in found.changes} == {(Kind.SPLIT, "test", "dev")}


def with_row(change):
    return lambda folder: change_rows(folder, DATA, lambda rows: change(rows[1]))


def with_vote(change):
    return lambda folder: change_rows(folder, VOTES, lambda rows: change(rows[0]))


CHANGES = {
    "annotation": with_row(lambda row: row.update(annotation="unknown")),
    "error_type": with_row(lambda row: row.update(error_type="illusion")),
    "error_words": with_row(lambda row: row.update(error_words=["else"])),
    "error_spans": with_row(lambda row: row["error_spans"][0].update(votes=9)),
    "confidence": with_row(lambda row: row.update(confidence=0.25)),
    "n_unknown": with_row(lambda row: row.update(n_unknown=7)),
    "span_agreement": with_row(lambda row: row.update(span_agreement="single")),
    "domain": with_row(lambda row: row.update(domain="art")),
    "license": with_row(lambda row: row.update(license=None)),
    "full_caption": with_row(lambda row: row.update(full_caption="Something else.")),
    "image_url": with_row(lambda row: row.update(image_url="https://example.org/other.png")),
    "seed": with_row(lambda row: row.update(seed=1)),
    "perceptual_hash": with_row(lambda row: row.update(perceptual_hash="0" * 16)),
    "flags": with_row(lambda row: row.update(flags=["mine"])),
    "generator_params": with_row(lambda row: row.update(generator_params="{}")),
    "embedded": lambda folder: change_rows(
        folder, DATA, lambda rows: next(r for r in rows if r["image"]).update(image=None)
    ),
    "vote's verdict": with_vote(lambda vote: vote.update(verdict="unknown")),
    "vote's spans": lambda folder: change_rows(
        folder, VOTES, lambda rows: next(r for r in rows if r["spans"])["spans"].clear()
    ),
    "vote's seconds": with_vote(lambda vote: vote.update(lead_seconds=99.5)),
    "vote's annotator": with_vote(lambda vote: vote.update(annotator="A999")),
    "vote that is gone": lambda folder: change_rows(folder, VOTES, lambda rows: rows.pop()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_any_column_or_vote_is_one_change_that_names_it(released, tmp_path, name):
    folder = shutil.copytree(released, tmp_path / "changed")
    CHANGES[name](folder)
    found = diff_releases(str(released), str(folder))
    of_vote = name.startswith("vote")
    assert set(found.columns) == {"votes" if of_vote else name}
    assert len(found.changes) == (2 if name == "vote's annotator" else 1)
    assert (found.changes[0].kind is Kind.VOTES) == of_vote


def test_two_label_sets_are_compared_by_their_names(workspace, rows):
    compute_labels(workspace, rows.selection, "run-1", name="votes")
    compute_labels(workspace, rows.selection, "run-2", method=LabelMethod.DAWID_SKENE, name="model")
    found = diff_label_sets(workspace, "votes", "model")
    assert found.sentences == (20, 20)
    assert sum(found.verdicts.values()) == len([c for c in found.changes if c.kind is Kind.VERDICT])
    assert all(c.caption and c.model for c in found.changes)
    assert not diff_label_sets(workspace, "model", "model").counts
    with pytest.raises(NoLabelsError, match="votes"):
        diff_label_sets(workspace, "votes", "other")


def test_what_is_no_release_cannot_be_compared(released, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotAReleaseError):
        diff_releases(str(released), str(tmp_path))
