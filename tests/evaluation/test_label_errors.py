"""What the labels' errors do: the ceiling, AUROC without them, confidence, and unknown ones."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from alignbench.evaluation.aids.gold import read_gold
from alignbench.evaluation.analyses.by_model import model_auroc
from alignbench.evaluation.analyses.label_errors import NO_GOLD, label_errors
from alignbench.evaluation.chosen_detectors.entries import DetectorEntry
from alignbench.evaluation.errors import ScoreFileError
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.scores.scored import Sentences
from alignbench.flows.evaluate import evaluate
from alignbench.schemas.vocabulary import Verdict
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_scores, made_sentences

TRUE = made_sentences(6000, 600, seed=5)
SCORED = made_scores(TRUE, "made", 1.5)


def with_errors(share: float) -> Sentences:
    """The same sentences with labels of which a share is turned round, whatever the score."""
    turned = np.random.default_rng(6).random(len(TRUE)) < share
    labels = np.where(TRUE.correct ^ turned, "correct", "incorrect").tolist()
    table = TRUE.table.set_column(
        TRUE.table.column_names.index("annotation"), "annotation", pa.array(labels)
    )
    confidence = np.where(np.random.default_rng(7).random(len(TRUE)) < 0.5, 0.8, 1.0)
    return Sentences.of(table.append_column("confidence", pa.array(confidence)))


def gold_of(rows: range) -> dict[str, Verdict]:
    ids = TRUE.table["sentence_id"].to_pylist()
    return {ids[row]: Verdict.CORRECT if TRUE.correct[row] else Verdict.INCORRECT for row in rows}


def test_auroc_without_label_errors_is_that_of_the_true_labels() -> None:
    labelled = with_errors(0.1)
    seen = model_auroc(labelled, SCORED.scores)
    errors, corrected, _ = label_errors(labelled, [SCORED], [seen], gold_of(range(3000)))
    found = {row["measure"]: row for row in errors.table.to_pylist()}
    own = np.arange(len(TRUE)) < 3000
    ppv = TRUE.correct[own & labelled.correct].mean()
    npv = (~TRUE.correct[own & ~labelled.correct]).mean()
    assert found["PPV"]["value"] == pytest.approx(ppv, abs=1e-12)
    assert found["NPV"]["value"] == pytest.approx(npv, abs=1e-12)
    ceiling = found["ceiling of AUROC"]
    assert ceiling["value"] == pytest.approx((ppv + npv) / 2)
    assert ceiling["low"] < ceiling["value"] < ceiling["high"]
    perfect = model_auroc(labelled, TRUE.correct.astype(float)).pooled.value
    assert ceiling["low"] < perfect < ceiling["high"], "The truth itself is seen no higher."
    [row] = corrected.table.to_pylist()
    expected = 0.5 + (row["auroc"] - 0.5) / (ppv + npv - 1)
    assert row["without_label_errors"] == pytest.approx(expected, abs=1e-12)
    assert row["low"] < roc_auc_score(TRUE.correct, SCORED.scores) < row["high"]


def test_confidence_stands_beside_the_share_of_right_labels() -> None:
    labelled = with_errors(0.1)
    seen = model_auroc(labelled, SCORED.scores)
    *_, confidence = label_errors(labelled, [SCORED], [seen], gold_of(range(3000)))
    bins = [row for row in confidence.table.to_pylist() if row["confidence"] == "bin"]
    assert [row["mean_confidence"] for row in bins] == pytest.approx([0.8, 1.0])
    told = labelled.table["confidence"].to_numpy()[:3000]
    for row, level in zip(bins, (0.8, 1.0), strict=True):
        right = (labelled.correct == TRUE.correct)[:3000][told == level]
        assert (row["right_share"], row["sentences"]) == (pytest.approx(right.mean()), len(right))


def test_without_gold_nothing_is_claimed() -> None:
    errors, corrected, confidence = label_errors(
        TRUE, [SCORED], [model_auroc(TRUE, SCORED.scores)], {}
    )
    assert errors.notes == corrected.notes == (NO_GOLD,)
    assert all(row["value"] is None for row in errors.table.to_pylist())
    assert not len(confidence.table)


def test_a_file_of_gold_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_text("sentence_id,verdict\n001,correct\n002,unknown\n001,correct\n")
    assert read_gold(str(path)) == {"001": Verdict.CORRECT, "002": Verdict.UNKNOWN}
    for text in ("sentence_id\n1\n", "sentence_id,verdict\n1,right\n",
                 "sentence_id,verdict\n1,correct\n1,incorrect\n"):  # fmt: skip
        path.write_text(text)
        with pytest.raises(ScoreFileError):
            read_gold(str(path))


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, Sentences]:
    made = made_sentences(400, 60, seed=9)
    verdicts = made.table["annotation"].to_pylist()
    verdicts[:40] = ["unknown"] * 40
    place = made.table.column_names.index("annotation")
    sentences = Sentences.of(made.table.set_column(place, "annotation", pa.array(verdicts)))
    return write_release(tmp_path / "made" / "1.0.0", sentences), made


def test_unknown_sentences_are_counted_either_way(
    tmp_path: Path, release: tuple[Path, Sentences]
) -> None:
    folder, made = release
    scores = np.random.default_rng(1).normal(0, 1, len(made)) + made.correct
    listed = tmp_path / "mine.csv"
    ids = made.table["sentence_id"].to_pylist()
    listed.write_text("sentence_id,score\n" + "\n".join(
        f"{name},{score!r}" for name, score in zip(ids, scores.tolist(), strict=True)
    ))  # fmt: skip
    entries = [
        DetectorEntry(name="mine", backend="scores", options={"path": str(listed)}),
        DetectorEntry(name="sentence_length", backend="sentence_length"),
    ]
    done = evaluate(str(folder), entries, tmp_path / "out", Settings(figures=False))
    [bounds] = [one for one in done.analyses if one.name == "auroc_bounds_of_unknown"]
    rows = {(row["detector"], row["over"]): row for row in bounds.table.to_pylist()}
    row = rows["mine", "all sentences pooled"]
    unknown = np.arange(len(made)) < 40
    assert (row["unknown"], row["unknown_scored"]) == (40, 40)
    for column, counted in (("all_unknown_correct", True), ("all_unknown_incorrect", False)):
        truth = np.where(unknown, counted, made.correct)
        assert row[column] == pytest.approx(roc_auc_score(truth, scores), abs=1e-9)
    plain = roc_auc_score(made.correct[~unknown], scores[~unknown])
    assert row["auroc"] == pytest.approx(plain, abs=1e-9)
    left = rows["sentence_length", "all sentences pooled"]
    assert (left["unknown_scored"], left["all_unknown_correct"]) == (0, None)
    assert "--unknown" in left["why_null"]
    assert [len(one.scores) for one in done.detectors] == [360, 360]
    asked = Settings(figures=False, unknown=True)
    again = evaluate(str(folder), entries[1:], tmp_path / "out", asked)
    [bounds] = [one for one in again.analyses if one.name == "auroc_bounds_of_unknown"]
    assert {row["unknown_scored"] for row in bounds.table.to_pylist()} == {40}
    [cost] = [one for one in again.analyses if one.name == "cost"]
    assert cost.table.to_pylist()[0]["pairs_a_second"] > 0
