"""AUROC and average precision are scikit-learn's; intervals hold the truth as often as they say."""

import tracemalloc
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from alignbench.evaluation.statistics.auroc import WeightedAuroc, auroc
from alignbench.evaluation.statistics.means import group_means, mean_draws
from alignbench.evaluation.statistics.precision import WeightedAveragePrecision
from alignbench.reporting.bootstrap import ImageBootstrap, interval

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_auroc_of_every_stratum_is_scikit_learns_with_ties_and_weights(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 120))
    scores = random.integers(0, int(random.integers(1, 20)), n) / 7.0
    correct, stratum = random.random(n) < random.random(), random.integers(0, 3, n)
    image = random.integers(0, 15, n)
    weights = random.integers(0, 4, 15).astype(float)
    found = WeightedAuroc(scores, correct, image, stratum).values(weights)
    for number, value in enumerate(found):
        own, weight = stratum == number, weights[image]
        if weight[own & correct].sum() and weight[own & ~correct].sum():
            expected = roc_auc_score(correct[own], scores[own], sample_weight=weight[own])
            assert abs(value - expected) < 1e-12
        else:
            assert np.isnan(value)


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_auroc_of_a_cell_compares_with_all_correct_sentences(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 80
    scores, correct = random.integers(0, 9, n) / 3.0, random.random(n) < 0.6
    kind, image = random.integers(0, 4, n), random.integers(0, 10, n)
    weighted = WeightedAuroc(scores, correct, image, np.zeros(n, int), kind)
    for number, value in enumerate(weighted.values(np.ones(10))):
        own = correct | (kind == number)
        expected = auroc(scores[own], correct[own])
        assert expected is None or abs(value - expected) < 1e-12


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_average_precision_is_scikit_learns_with_ties_and_weights(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 120))
    scores = random.integers(0, int(random.integers(1, 20)), n) / 7.0
    positive, image = random.random(n) < random.random(), random.integers(0, 15, n)
    weights = random.integers(0, 4, 15).astype(float)
    value = WeightedAveragePrecision(scores, positive, image).value(weights)
    if weights[image][positive].sum():
        expected = average_precision_score(positive, scores, sample_weight=weights[image])
        assert abs(value - expected) < 1e-12
    else:
        assert np.isnan(value)


def test_a_corrected_auroc_is_over_pairs_of_one_stratum() -> None:
    random = np.random.default_rng(3)
    n = 60
    scores, correct = random.integers(0, 8, n) / 2.0, random.random(n) < 0.6
    stratum = random.integers(0, 4, n)
    won = pairs = 0.0
    for one in np.flatnonzero(correct):
        for other in np.flatnonzero(~correct):
            if stratum[one] == stratum[other]:
                pairs += 1
                won += (scores[one] > scores[other]) + 0.5 * (scores[one] == scores[other])
    weighted = WeightedAuroc(scores, correct, np.arange(n), stratum)
    assert weighted.corrected(np.ones(n)) == pytest.approx(won / pairs, abs=1e-12)


def test_means_of_groups_are_means_of_what_was_drawn() -> None:
    random = np.random.default_rng(5)
    values, group, image = random.random(50), random.integers(0, 3, 50), random.integers(0, 9, 50)
    bootstrap = ImageBootstrap(9, 20)
    draws = mean_draws(values, group, 4, image, bootstrap)
    for drawn, weights in zip(draws, bootstrap, strict=True):
        for number in range(3):
            own = group == number
            weight = weights[image[own]]
            expected = np.average(values[own], weights=weight) if weight.sum() else np.nan
            np.testing.assert_allclose(drawn[number], expected, atol=1e-12)
    assert np.isnan(draws[:, 3]).all()
    assert group_means(values, group, 4).counts.tolist()[3] == 0


def test_the_interval_covers_the_truth() -> None:
    """Scores with an effect of their image, so that sentences alone would be drawn too narrowly."""
    random = np.random.default_rng(20)
    images, each, shift, shared = 120, 5, 1.0, 0.8
    truth = NormalDist().cdf(shift / np.sqrt(2 * (1 + shared**2)))
    image = np.repeat(np.arange(images), each)
    covered, simulations = 0, 500
    for number in range(simulations):
        correct = random.random(images * each) < 0.7
        effect = random.normal(0, shared, images)[image]
        scores = shift * correct + effect + random.normal(0, 1, images * each)
        weighted = WeightedAuroc(scores, correct, image, np.zeros(len(image), int))
        low, high = interval(weighted.draws(ImageBootstrap(images, 400, number))[:, 0])
        assert low is not None
        assert high is not None
        covered += low <= truth <= high
    assert 0.93 <= covered / simulations <= 0.97


def test_memory_does_not_grow_with_the_number_of_resamples() -> None:
    random = np.random.default_rng(0)
    n, images = 100_000, 14_000
    scores, correct = random.random(n), random.random(n) < 0.83
    image, model = random.integers(0, images, n), random.integers(0, 8, n)

    def peak(resamples: int) -> int:
        tracemalloc.start()
        WeightedAuroc(scores, correct, image, model).draws(ImageBootstrap(images, resamples))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(1000) < peak(200) + 1_000_000
