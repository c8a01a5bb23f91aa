"""Detectors as classifiers of sentences, against scikit-learn: thresholds from other images."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
)

from alignbench.evaluation.analyses.calibration import calibration
from alignbench.evaluation.analyses.sentence_level import sentence_level
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.correlation import pearson
from alignbench.evaluation.statistics.precision import average_precision, linear_average_precision
from alignbench.evaluation.statistics.thresholds import best_threshold, f1
from tests.evaluation.sentences import made_scores, made_sentences

SENTENCES = made_sentences(800, 60, seed=2)
SCORED = made_scores(SENTENCES, "made", 1.0)
COARSE = replace(SCORED, scores=SCORED.scores.round(1))
"""So that few thresholds are to be tried, and many scores tie."""
WRONG = ~SENTENCES.correct


def measures() -> dict[tuple[str, str], dict[str, float]]:
    table = sentence_level(SENTENCES, [COARSE]).table
    return {(row["measure"], row["positive"]): row for row in table.to_pylist()}


def elsewhere(metric: object) -> np.ndarray:
    """Flags by the threshold that is best on the other images, tried one score after the other."""
    part = np.unique(SENTENCES.image.codes, return_inverse=True)[1] % 5
    flagged = np.zeros(len(SENTENCES), bool)
    for number in range(5):
        own = part == number
        tried = np.unique(COARSE.scores[~own])
        worth = [metric(WRONG[~own], COARSE.scores[~own] <= cut) for cut in tried]  # type: ignore[operator]
        best = int(np.argmax(worth))
        flagged[own] = COARSE.scores[own] <= tried[best : best + 2].mean()
    return flagged


def test_sentences_are_classified_as_scikit_learn_says() -> None:
    found = measures()
    for positive, is_one, towards in (
        ("incorrect", WRONG, -COARSE.scores), ("correct", ~WRONG, COARSE.scores),
    ):  # fmt: skip
        row = found["average precision", positive]
        expected = average_precision_score(is_one, towards)
        assert row["value"] == pytest.approx(expected, abs=1e-9)
        assert row["base_rate"] == pytest.approx(is_one.mean())
        assert row["low"] < row["value"] < row["high"]
    for name, metric in (("balanced accuracy", balanced_accuracy_score), ("F1", f1_score)):
        row = found[name, "incorrect"]
        expected = metric(WRONG, elsewhere(metric))
        assert row["value"] == pytest.approx(expected, abs=1e-9)
        assert row["low"] < row["value"] < row["high"]


def test_the_linear_interval_of_average_precision_follows_that_of_leaving_out() -> None:
    scores = SCORED.scores.round(1)
    image = SENTENCES.image.codes
    exact = average_precision(-scores, WRONG, image, 60)
    linear = linear_average_precision(-scores, WRONG, image, 60, "images")
    assert linear.value == pytest.approx(exact.value, abs=1e-12)
    assert linear.standard_error() == pytest.approx(exact.standard_error(), rel=0.1)
    assert float(linear.samples[0].influence.sum()) == pytest.approx(0, abs=1e-9)


def test_calibration_is_of_probabilities_fitted_on_other_images() -> None:
    table, bins = calibration(SENTENCES, [SCORED])
    rows = {row["measure"]: row for row in table.table.to_pylist()}
    part = np.unique(SENTENCES.image.codes, return_inverse=True)[1] % 5
    said = np.zeros(len(SENTENCES))
    for number in range(5):
        own = part == number
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        curve.fit(SCORED.scores[~own], SENTENCES.correct[~own])
        said[own] = curve.predict(SCORED.scores[own])
    expected = brier_score_loss(SENTENCES.correct, said)
    assert rows["Brier score"]["value"] == pytest.approx(expected, abs=1e-9)
    assert rows["Brier score"]["value"] < rows["Brier score of the base rate"]["value"]
    listed = bins.table.to_pylist()
    assert sum(row["sentences"] for row in listed) == len(SENTENCES)
    error = sum(abs(row["mean_probability"] - row["correct_share"]) * row["sentences"]
                for row in listed) / len(SENTENCES)  # fmt: skip
    assert rows["calibration error"]["value"] == pytest.approx(error, abs=1e-9)


def test_percentages_are_read_as_probabilities_and_cosines_below_zero_are_not() -> None:
    percent = Scored("percent", "percent", np.where(SENTENCES.correct, 90.0, 20.0))
    table, _ = calibration(SENTENCES, [percent, SCORED])
    given = {(row["detector"], row["measure"]): row["value"] for row in table.table.to_pylist()
             if row["probability"] == "as given"}  # fmt: skip
    expected = np.where(SENTENCES.correct, 0.1, 0.2).mean()
    assert given["percent", "calibration error"] == pytest.approx(expected)
    assert not any(detector == "made" for detector, _ in given)


def test_where_one_class_is_missing_nothing_is_flagged_and_figures_are_null() -> None:
    assert best_threshold(np.arange(4.0), np.ones(4, bool), f1) == -np.inf
    right = Sentences.of(SENTENCES.table.filter(pa.array(SENTENCES.correct)))
    rows = sentence_level(right, [made_scores(right, "made", 1.0)]).table.to_pylist()
    of = {(row["measure"], row["positive"]): row for row in rows}
    assert of["balanced accuracy", "incorrect"]["value"] is None
    assert of["average precision", "incorrect"]["why_null"] == "It has no incorrect sentence."


def test_a_correlation_without_each_image_is_numpys() -> None:
    random = np.random.default_rng(8)
    image = np.sort(random.integers(0, 9, 60))
    one = random.normal(0, 1, 60) + 1e6
    other = one + random.normal(0, 1, 60)
    found = pearson(one, other, image, 9)
    assert found.value == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-9)
    for left in range(9):
        kept = image != left
        expected = np.corrcoef(one[kept], other[kept])[0, 1]
        assert found.left_out[left] == pytest.approx(expected, abs=1e-7)
    assert np.isnan(pearson(one, np.ones(60), image, 9).value)
