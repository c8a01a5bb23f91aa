"""How alike the variants of a question are answered."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.judging.question_set import QuestionSet
from alignbench.judging.scores.alignment import Alignment, alignment_of
from alignbench.judging.scores.judged import Judged, of_one_draw
from alignbench.models.answers.scores import ScoreScale
from alignbench.reporting.jackknife import Floats

TEN = ScoreScale(1, 10)


def question_set(sizes: list[int]) -> QuestionSet:
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    return QuestionSet(("task",), ("all",), np.zeros(len(cluster), np.int64), cluster)


def alignment(clusters: list[list[float]]) -> Alignment:
    questions = question_set([len(cluster) for cluster in clusters])
    return alignment_of(of_one_draw(questions, np.concatenate(clusters).astype(float)), TEN)


def test_within_sd_is_the_root_of_the_mean_variance_and_is_inverted_once() -> None:
    found = alignment([[4, 6], [5, 5, 5], [1, 2, 3], [7]])
    variances = [2.0, 0.0, 1.0]
    assert found.clusters == 3
    assert found.within_sd == pytest.approx(math.sqrt(sum(variances) / 3))
    assert found.alignment == pytest.approx(1 / math.sqrt(sum(variances) / 3))
    assert found.without_variance.value == pytest.approx(1 / 3)


def test_consistency_is_one_minus_the_share_of_what_scores_could_vary() -> None:
    found = alignment([[4, 6], [1, 2, 3]])
    most = (5 - 1) * (10 - 5) * 2 + (2 - 1) * (10 - 2) * 3 / 2
    assert found.consistency.value == pytest.approx(1 - 3 / most)


@given(st.lists(st.lists(st.integers(1, 10), min_size=2, max_size=7), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_consistency_is_a_share_whatever_the_scores(clusters: list[list[int]]) -> None:
    found = alignment([[float(score) for score in cluster] for cluster in clusters])
    value = found.consistency.value
    assert math.isnan(value) or -1e-9 <= value <= 1 + 1e-9


def test_without_any_variance_alignment_is_null_and_consistency_whole() -> None:
    found = alignment([[5, 5], [7, 7, 7]] * 4)
    assert (found.within_sd, found.alignment) == (0, None)
    assert found.alignment_interval.low is None
    assert found.alignment_interval.why_null is not None
    assert found.consistency.value == 1
    assert set(found.readings) == {None}


def test_without_variants_there_is_nothing_to_compare() -> None:
    found = alignment([[5], [7]])
    assert (found.clusters, found.within_sd, found.alignment) == (0, None, None)
    assert math.isnan(found.consistency.value)


def test_the_interval_is_a_jackknife_on_the_logarithm() -> None:
    random = np.random.default_rng(1)
    found = alignment(random.normal(5, 1, (60, 4)).tolist())
    assert found.within_sd is not None
    assert found.alignment is not None
    low, high, _ = found.alignment_interval
    assert low is not None
    assert high is not None
    assert low < 1.0 < high
    assert low * high == pytest.approx(found.alignment**2)
    of_sd = found.within_sd_interval
    assert (of_sd.low, of_sd.high) == (pytest.approx(1 / high), pytest.approx(1 / low))


def test_the_alignments_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        deviation = random.gamma(16, 1 / 16, (100, 1))
        scores = 5 + deviation * random.normal(0, 1, (100, 6))
        low, high, _ = alignment(scores.tolist()).alignment_interval
        held += low <= 1 / math.sqrt(17 / 16) <= high
    assert 0.92 <= held / 300 <= 0.98


@pytest.mark.parametrize("level", [3.0, 6.0, 9.0])
def test_planted_inconsistency_is_ranked_alike_at_every_level(level: float) -> None:
    found = [alignment(scores_of(level, share)).consistency.value for share in (0.05, 0.15, 0.3)]
    assert found == sorted(found, reverse=True)
    assert found == pytest.approx([0.95, 0.85, 0.7], abs=0.05)


def scores_of(level: float, share: float) -> list[list[float]]:
    """Scores of 400 clusters that use this share of the variance that the level leaves room for.

    A share of the variants falls or rises to an end of the scale, so that the mean stays.
    """
    random = np.random.default_rng(7)
    moved = random.random((400, 6)) < share
    ends = np.where(random.random((400, 6)) < (level - 1) / 9, 10.0, 1.0)
    found: list[list[float]] = np.where(moved, ends, level).tolist()
    return found


def test_the_judges_own_variance_is_taken_off() -> None:
    random = np.random.default_rng(3)
    questions = question_set([5] * 300)
    truth = 5 + random.normal(0, 1.0, 1500)
    draws = truth[:, None] + random.normal(0, 1.5, (1500, 3))
    found = alignment_of(Judged(questions, draws, np.ones(1500, np.bool_)), TEN)
    assert found.within_sd == pytest.approx(math.sqrt(1 + 1.5**2 / 3), rel=0.05)
    assert found.without_judge_noise.within_sd == pytest.approx(1.0, rel=0.06)
    assert not found.without_judge_noise.floored


def test_a_judge_who_varies_more_than_the_answers_floors_it_and_says_so() -> None:
    draws = np.array([[1.0, 9.0], [9.0, 1.0]] * 6)
    found = alignment_of(Judged(question_set([2] * 6), draws, np.ones(12, np.bool_)), TEN)
    assert found.without_judge_noise == (0.0, None, True)


def test_one_draw_says_nothing_of_the_judges_own_variance() -> None:
    assert alignment([[4, 6], [1, 2, 3]]).without_judge_noise == (None, None, False)


def test_the_readings_of_the_published_score() -> None:
    found = alignment([[4, 6], [5, 5, 5], [1, 2, 3]]).readings
    assert found.inverse_of_mean_sd == pytest.approx(3 / (math.sqrt(2) + 1))
    assert found.inverse_of_mean_variance == pytest.approx(3 / 3)
    assert found.mean_of_inverse_sd == pytest.approx((1 / math.sqrt(2) + 1) / 2)
    assert found.mean_of_inverse_variance == pytest.approx((1 / 2 + 1) / 2)


def test_within_sd_does_not_depend_on_the_number_of_variants() -> None:
    random = np.random.default_rng(4)
    few, many = (np.sqrt(np.mean(_spread(random, size) ** 2)) for size in (2, 7))
    assert few == pytest.approx(many, rel=0.03)


def _spread(random: np.random.Generator, size: int) -> Floats:
    found = alignment(random.normal(5, 1, (4000, size)).tolist())
    assert found.within_sd is not None
    return np.array([found.within_sd])
