"""What is reported of raters, and what more ratings would buy."""

import math

import numpy as np
import pytest

from alignbench.judging.calibration.calibrate import calibrate
from alignbench.judging.calibration.plan import expected_after, expected_before
from alignbench.judging.calibration.raters import Ratings, rater_report
from alignbench.judging.calibration.stratified import Estimand
from tests.judging.simulated_judgements import Setting, drawn, judged, people, question_set, rated


def ratings(rows: list[tuple[int, int, int, float]]) -> Ratings:
    answer, model, rater, rating = zip(*rows, strict=True)
    return Ratings(np.array(answer), np.array(model), np.array(rater), np.array(rating))


THREE = ratings([
    (0, 0, 0, 4), (0, 0, 1, 6), (1, 1, 1, 7), (2, 0, 2, 5), (3, 1, 2, 8), (3, 1, 0, 8),
])  # fmt: skip


def test_an_answers_score_is_the_mean_of_its_ratings() -> None:
    found = THREE.mean_by_answer(5)
    assert found[:4].tolist() == [5, 7, 5, 8]
    assert math.isnan(found[4])


def test_the_variance_of_raters_is_pooled_over_answers_with_two() -> None:
    assert THREE.within_variance() == pytest.approx((1 + 1 + 0 + 0) / 2)
    assert THREE.variance_by_answer(5).tolist() == [0.5, 1, 1, 0.5, 0]
    assert ratings([(0, 0, 0, 4), (1, 0, 1, 6)]).within_variance() is None


def test_strictness_is_told_for_each_rater() -> None:
    found = rater_report(THREE)
    assert (found.raters, found.ratings, found.rated_twice) == (3, 6, 0.5)
    assert found.strictness.tolist() == [-0.5, 1, 0]


def test_what_keeps_figures_from_being_trusted_is_said() -> None:
    shortcomings = rater_report(ratings([(0, 0, 0, 4), (1, 1, 1, 6), (2, 0, 1, 6)])).shortcomings
    assert [text.partition(":")[0] for text in shortcomings] == [
        "Fewer than 3 people rated",
        "Two people rated 0% of the answers; 20% tell how far people differ.",
        "1 of 2 people did not rate every model",
    ]
    assert rater_report(THREE).shortcomings == ()


def test_more_ratings_narrow_the_interval_as_expected() -> None:
    random = np.random.default_rng(0)
    setting = Setting()
    questions = question_set(setting)
    truth = people(setting, questions, random)
    judge = judged("unbiased", truth, random)
    sample = drawn(setting, questions, judge, random)
    scores = rated(truth, judge, sample)
    found = calibrate(questions, sample, scores, Estimand.THESE_QUESTIONS)
    residual = scores.parts(questions, found.reliance).residual
    here, more = expected_after(questions, residual, scores.people, [100, 400])
    macro = found["macro"]
    assert here.calibrated == pytest.approx(macro.calibrated.width, rel=0.1)
    assert here.people_only == pytest.approx(macro.people_only.width, rel=0.15)
    assert more.calibrated < here.calibrated / 2


def test_before_anybody_rates_the_gain_follows_from_supposed_agreement() -> None:
    random = np.random.default_rng(1)
    questions = question_set(Setting())
    judge = people(Setting(), questions, random)
    [few, many] = expected_before(questions, judge, [5, 100], correlation=0.8)
    assert math.isnan(few.calibrated)
    assert many.calibrated == pytest.approx(many.people_only * 0.6)
    [stated] = expected_before(questions, judge, [100], correlation=0.8, deviation=3.0)
    assert stated.people_only > many.people_only
