"""AUROC and average precision are scikit-learn's; what is left out is what is computed without."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.evaluation.statistics.clustered import mean_of, pair_sums, ranks_of, share_of
from alignbench.evaluation.statistics.precision import average_precision
from alignbench.reporting.jackknife import Estimate
from tests.evaluation.clustered_scores import Setting, coverage

SEEDS = st.integers(0, 2**32 - 1)
IMAGES = 12


def tied_scores(seed: int) -> tuple[Floats, Bools, Ints]:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 120))
    scores = random.integers(0, int(random.integers(1, 20)), count) / 7.0
    return scores, random.random(count) < random.random(), random.integers(0, IMAGES, count)


def left_out(figure: Callable[[Bools], float], image: Ints) -> list[float]:
    return [figure(image != number) for number in range(IMAGES)]


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_auroc_and_auroc_without_each_image_are_scikit_learns(seed: int) -> None:
    scores, correct, image = tied_scores(seed)

    def auroc(kept: Bools) -> float:
        both = 0 < correct[kept].sum() < kept.sum()
        return float(roc_auc_score(correct[kept], scores[kept])) if both else np.nan

    found = pair_sums(ranks_of(scores), correct, image, IMAGES).estimate()
    np.testing.assert_allclose(found.value, auroc(np.ones(len(image), bool)), atol=1e-12)
    if np.isfinite(found.value):
        np.testing.assert_allclose(found.left_out, left_out(auroc, image), atol=1e-12)
        for sample in found.samples:
            assert abs(sample.influence.sum()) < 1e-12


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_average_precision_and_that_without_each_image_are_scikit_learns(seed: int) -> None:
    scores, positive, image = tied_scores(seed)

    def precision(kept: Bools) -> float:
        there = positive[kept].any()
        return float(average_precision_score(positive[kept], scores[kept])) if there else np.nan

    found = average_precision(scores, positive, image, IMAGES)
    np.testing.assert_allclose(found.value, precision(np.ones(len(image), bool)), atol=1e-12)
    if np.isfinite(found.value):
        np.testing.assert_allclose(found.left_out, left_out(precision, image), atol=1e-12)


def test_pairs_are_within_a_stratum() -> None:
    random = np.random.default_rng(3)
    count = 60
    scores, correct = random.integers(0, 8, count) / 2.0, random.random(count) < 0.6
    stratum, image = random.integers(0, 4, count), random.integers(0, IMAGES, count)

    def within(kept: Bools) -> float:
        won = pairs = 0.0
        for one in np.flatnonzero(correct & kept):
            for other in np.flatnonzero(~correct & kept):
                if stratum[one] == stratum[other]:
                    pairs += 1
                    won += (scores[one] > scores[other]) + 0.5 * (scores[one] == scores[other])
        return won / pairs

    found = pair_sums(ranks_of(scores), correct, image, IMAGES, stratum).estimate()
    assert found.value == pytest.approx(within(np.ones(count, bool)), abs=1e-12)
    np.testing.assert_allclose(found.left_out, left_out(within, image), atol=1e-12)


def test_a_mean_over_images_has_the_variance_of_a_ratio_of_sums() -> None:
    random = np.random.default_rng(5)
    values, image = random.random(50), random.integers(0, IMAGES, 50)
    found = mean_of(values, image, IMAGES)
    assert found.value == pytest.approx(values.mean())
    np.testing.assert_allclose(
        found.left_out, left_out(lambda kept: float(values[kept].mean()), image)
    )
    assert found.degrees_of_freedom() == IMAGES - 1
    assert np.isnan(share_of(np.zeros(3), np.zeros(3)).value)


@pytest.mark.parametrize("setting", [Setting(34, 0.64, 0.8), Setting(100, 0.94, 0.9)])
def test_intervals_hold_the_truth_as_often_as_they_say(setting: Setting) -> None:
    """A short run of what `benchmarks.intervals` measures at length."""
    found = coverage(setting, repetitions=400, seed=3)
    assert 0.91 <= found.covered <= 0.98
    assert found.false_differences <= 0.08


def test_figures_that_cannot_be_trusted_say_why() -> None:
    scores, correct = np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, True, False, False])
    four = pair_sums(ranks_of(scores), correct, np.arange(4), 4).estimate()
    assert four.interval() == (None, None, "Fewer than 5 images with correct sentences: 2.")
    many: Floats = np.arange(40.0)
    perfect = pair_sums(ranks_of(many), many > 19, np.arange(40), 40).estimate()
    assert perfect.value == 1.0
    assert perfect.interval().why_null == "At 1 the data say nothing of how far off it may be."
    assert (perfect - perfect).two_sided_p() is None
    assert Estimate.unknown(3).interval() == (None, None, None)
