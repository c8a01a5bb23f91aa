"""Calibrated means: against another implementation, in their limits, and how often they hold."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alignbench.judging.calibration.calibrate import JudgedAndRated, calibrate, compare
from alignbench.judging.calibration.rated_sample import RatedSample
from alignbench.judging.calibration.stratified import Estimand, StratifiedMean
from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import Floats
from tests.judging.simulated_judgements import (
    JUDGES,
    Setting,
    coverage,
    drawn,
    judged,
    people,
    question_set,
    rated,
)

HERE = Path(__file__).parent
THESE, LIKE_THESE = Estimand
SETTING = Setting()
QUESTIONS = question_set(SETTING)


def plain_case(rated_rows: int, unrated: int) -> tuple[QuestionSet, RatedSample]:
    """Questions of one task, each a cluster of its own, the first of them rated."""
    every = np.arange(rated_rows + unrated)
    zeros = np.zeros(len(every), np.int64)
    chance = np.full(len(every), rated_rows / len(every))
    questions = QuestionSet(("task",), ("all",), zeros, every)
    return questions, RatedSample(zeros, every, chance, every < rated_rows)


def plain_scores(seed: int, rated_rows: int, unrated: int, rho: float) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    people = random.normal(6, 1.5, rated_rows + unrated)
    noise = random.normal(0, 1.5, rated_rows + unrated)
    return people, rho * people + np.sqrt(1 - rho**2) * noise + 1


def oracle() -> list[dict[str, str]]:
    """Figures of ppi-python 0.2.3 for `plain_scores`; without `lam`, it chose that itself."""
    with (HERE / "ppi_python.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", oracle(), ids=lambda row: f"{row['seed']}-{row['lam']}")
def test_the_plain_case_is_that_of_ppi_python(row: dict[str, str]) -> None:
    rated_rows, unrated = int(row["n"]), int(row["unrated"])
    people, judge = plain_scores(int(row["seed"]), rated_rows, unrated, float(row["rho"]))
    questions, sample = plain_case(rated_rows, unrated)
    scores = rated(people, judge, sample)
    if row["lam"]:
        # There a mean over the unrated is added, here one over all: the same, up to this factor.
        reliance = float(row["lam"]) * (rated_rows + unrated) / unrated
        mean = StratifiedMean(questions, sample, scores.parts(questions, reliance), np.ones(1))
        found = mean.estimate(LIKE_THESE)
        assert found.value == pytest.approx(float(row["point"]), abs=1e-8)
    else:
        found = calibrate(questions, sample, scores, LIKE_THESE)["macro"].calibrated
        # Its λ comes from variances taken a little differently, at the cost of .15 of a standard
        # error at most.
        assert found.value == pytest.approx(float(row["point"]), abs=0.015)
    assert found.standard_error is not None
    width = (float(row["high"]) - float(row["low"])) / (2 * 1.959964)
    assert found.standard_error == pytest.approx(width, rel=0.02 if row["lam"] else 0.05)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("estimand", Estimand)
def test_intervals_hold_the_truth_as_often_as_they_say(estimand: Estimand, judge: str) -> None:
    found = coverage(SETTING, judge, estimand, repetitions=150, seed=5)
    assert found.intervals == 150
    assert 0.90 <= found.covered <= 0.99
    assert found.relative_width <= (1.05 if judge == "useless" else 0.9)


def test_two_models_that_the_length_bias_reverses_are_put_right() -> None:
    random = np.random.default_rng(8)
    better = people(SETTING, QUESTIONS, random)
    worse = better - (random.random(len(QUESTIONS)) < 0.5)
    judges = [judged("unbiased", better, random), judged("biased", worse, random) + 0.4]
    sample = drawn(replace(SETTING, units=250), QUESTIONS, judges[0], random)
    one, other = (
        rated(truth, judge, sample) for truth, judge in zip((better, worse), judges, strict=True)
    )
    assert judges[0].mean() < judges[1].mean()
    difference = compare(QUESTIONS, sample, one, other, THESE)[0]
    low, high = difference.calibrated.low, difference.calibrated.high
    assert low is not None
    assert high is not None
    assert 0 < low < (better - worse).mean() < high
    assert difference.calibrated.width <= 1.05 * difference.people_only.width


def test_a_judge_that_errs_alike_on_both_models_narrows_their_difference() -> None:
    random = np.random.default_rng(15)
    one, other = (people(SETTING, QUESTIONS, random) for _ in range(2))
    shared = random.normal(0, 2, len(QUESTIONS))
    sample = drawn(SETTING, QUESTIONS, one, random)
    found = compare(
        QUESTIONS, sample, rated(one, one + shared, sample),
        rated(other, other + shared + random.normal(0, 0.3, len(shared)), sample), THESE,
    )[0]  # fmt: skip
    assert found.calibrated.width < 0.8 * found.people_only.width


def test_one_reliance_between_0_and_1_is_chosen_for_each_model() -> None:
    random = np.random.default_rng(9)
    truth = people(SETTING, QUESTIONS, random)
    sample = drawn(SETTING, QUESTIONS, truth, random)

    def reliance(judge: Floats) -> float:
        return calibrate(QUESTIONS, sample, rated(truth, judge, sample), THESE).reliance

    assert reliance(judged("unbiased", truth, random)) > 0.6
    assert reliance(np.full(len(truth), 7.0)) == 0
    assert reliance(-truth) == 0
    assert reliance(truth / 4) == 1


def test_a_constant_judge_leaves_what_people_say() -> None:
    random = np.random.default_rng(10)
    truth = people(SETTING, QUESTIONS, random)
    sample = drawn(SETTING, QUESTIONS, truth, random)
    found = calibrate(QUESTIONS, sample, rated(truth, np.full(len(truth), 7.0), sample), THESE)
    for figure in found.figures:
        assert figure.calibrated == figure.people_only


def test_people_alone_give_the_stratified_mean_of_surveys() -> None:
    random = np.random.default_rng(11)
    truth = people(SETTING, QUESTIONS, random)
    sample = drawn(SETTING, QUESTIONS, truth, random)
    found = calibrate(QUESTIONS, sample, rated(truth, truth, sample), THESE)["macro"].people_only
    value, variance = 0.0, 0.0
    for stratum in np.unique(sample.stratum):
        inside = sample.stratum == stratum
        said = truth[inside & sample.drawn]
        task = QUESTIONS.task[inside][0]
        weight = inside.sum() / QUESTIONS.questions_of_task[task] / SETTING.tasks
        value += weight * said.mean()
        variance += weight**2 * (1 - len(said) / inside.sum()) * said.var(ddof=1) / len(said)
    assert found.value == pytest.approx(value)
    assert found.standard_error == pytest.approx(math.sqrt(variance))


def test_a_census_of_people_who_never_waver_leaves_nothing_to_estimate() -> None:
    random = np.random.default_rng(12)
    truth = people(SETTING, QUESTIONS, random)
    everything = replace(SETTING, units=len(QUESTIONS))
    sample = drawn(everything, QUESTIONS, truth, random)
    scores = rated(truth, judged("unbiased", truth, random), sample)
    found = calibrate(QUESTIONS, sample, scores, THESE)["macro"].people_only
    assert found.value is None
    assert (
        found.why_null == "Ratings and predictions leave no variance to tell how far off it may be."
    )
    wavering = replace(scores, rating_variance=np.full(len(QUESTIONS), 0.5))
    found = calibrate(QUESTIONS, sample, wavering, THESE)["macro"].people_only
    by_task = [truth[QUESTIONS.task == task].mean() for task in range(SETTING.tasks)]
    assert found.value == pytest.approx(np.mean(by_task))
    sizes = QUESTIONS.questions_of_task
    assert found.standard_error == pytest.approx(math.sqrt((0.5 / sizes).sum()) / 4)


def test_figures_on_too_little_are_null_and_say_why() -> None:
    random = np.random.default_rng(13)
    truth = people(SETTING, QUESTIONS, random)
    sample = drawn(SETTING, QUESTIONS, truth, random)
    found = calibrate(QUESTIONS, sample, rated(truth, truth + 1, sample), THESE)
    few = found["task 0"]
    assert few.ratings < 30
    assert few.calibrated.value is None
    assert few.calibrated.why_null == f"Fewer than 30 rated answers: {few.ratings}."


def test_ratings_of_few_clusters_or_of_one_unit_a_stratum_are_not_enough() -> None:
    questions, sample = plain_case(40, 400)
    people, judge = plain_scores(0, 40, 400, 0.5)
    few = QuestionSet(("task",), ("all",), questions.task, np.arange(440) // 50)
    scores = rated(people, judge, sample)
    why = calibrate(few, sample, scores, LIKE_THESE)["macro"].calibrated.why_null
    assert why == "Fewer than 10 clusters with rated answers: 1."
    lonely = replace(sample, stratum=(np.arange(440) >= 39).astype(np.int64))
    why = calibrate(questions, lonely, scores, THESE)["macro"].calibrated.why_null
    assert why == "A stratum has fewer than 2 rated units."


def test_a_judge_that_is_always_right_leaves_no_variance_to_go_by() -> None:
    questions, sample = plain_case(40, 400)
    people, _ = plain_scores(0, 40, 400, 0.5)
    found = calibrate(questions, sample, rated(people, people, sample), THESE)["macro"]
    assert found.calibrated.value is None
    assert found.people_only.value is not None


def test_answers_without_a_score_do_not_bias_the_mean() -> None:
    random = np.random.default_rng(14)
    truth = people(SETTING, QUESTIONS, random)
    judge = judged("unbiased", truth, random)
    judge[truth > 8] = math.nan  # the judge fails on good answers only
    sample = drawn(replace(SETTING, units=300), QUESTIONS, np.nan_to_num(judge), random)
    found = calibrate(QUESTIONS, sample, rated(truth, judge, sample), THESE)["macro"].calibrated
    by_task = [truth[QUESTIONS.task == task].mean() for task in range(SETTING.tasks)]
    assert found.low is not None
    assert found.high is not None
    assert found.low < np.mean(by_task) < found.high


def test_means_are_over_answered_questions() -> None:
    questions, sample = plain_case(60, 400)
    people, judge = plain_scores(0, 60, 400, 0.9)
    answered = np.arange(460) % 7 > 0
    scores = JudgedAndRated(
        answered, np.where(answered, judge, math.nan),
        np.where(answered & sample.drawn, people, math.nan), np.zeros(460),
    )  # fmt: skip
    found = calibrate(questions, sample, scores, THESE)["macro"]
    assert found.ratings == int((answered & sample.drawn).sum())
    assert found.calibrated.value == pytest.approx(people[answered].mean(), abs=0.3)
    nobody = replace(scores, answered=np.zeros(460, np.bool_))
    why = calibrate(questions, sample, nobody, THESE)["macro"].calibrated.why_null
    assert why == "No question of task was answered."
