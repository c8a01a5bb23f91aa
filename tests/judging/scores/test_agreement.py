"""How far a judge agrees with people."""

import math

import numpy as np
import pytest
from scipy import stats

from alignbench.judging.question_set import QuestionSet
from alignbench.judging.scores.agreement import agreement_by_task, agreement_of

RANDOM = np.random.default_rng(0)
PEOPLE = np.round(RANDOM.uniform(1, 10, 120))
JUDGE = np.clip(PEOPLE + RANDOM.integers(-2, 3, 120), 1, 10)
CLUSTER = np.arange(120) // 3


def test_the_figures_are_those_of_their_definitions() -> None:
    found = agreement_of(JUDGE, PEOPLE, CLUSTER)
    apart = np.abs(JUDGE - PEOPLE)
    assert found.answers == 120
    assert found.mae.value == pytest.approx(apart.mean())
    assert found.exact.value == pytest.approx((apart == 0).mean())
    assert found.within_one.value == pytest.approx((apart <= 1).mean())
    assert found.bias.value == pytest.approx((JUDGE - PEOPLE).mean())
    assert found.pearson.value == pytest.approx(stats.pearsonr(JUDGE, PEOPLE).statistic)
    assert found.spearman.value == pytest.approx(stats.spearmanr(JUDGE, PEOPLE).statistic)
    assert found.kendall.value == pytest.approx(stats.kendalltau(JUDGE, PEOPLE).statistic)


def test_intervals_are_by_cluster() -> None:
    found = agreement_of(JUDGE, PEOPLE, CLUSTER)
    for figure in (found.mae, found.pearson, found.spearman, found.kendall, found.within_one):
        low, high, why_null = figure.interval()
        assert why_null is None
        assert low is not None
        assert high is not None
        assert low < figure.value < high
        assert figure.samples[0].clusters == 40


def test_answers_that_one_side_lacks_do_not_count() -> None:
    judge, people = JUDGE.copy(), PEOPLE.copy()
    judge[:6], people[3:9] = math.nan, math.nan
    assert agreement_of(judge, people, CLUSTER).answers == 111


def test_a_judge_that_does_not_vary_has_no_correlation() -> None:
    found = agreement_of(np.full(120, 7.0), PEOPLE, CLUSTER)
    assert math.isnan(found.pearson.value)
    assert math.isnan(found.spearman.value)
    assert math.isnan(found.kendall.value)
    assert not math.isnan(found.mae.value)


def test_nothing_in_common_leaves_every_figure_open() -> None:
    found = agreement_of(np.full(4, math.nan), np.full(4, 5.0), np.arange(4))
    assert found.answers == 0
    assert math.isnan(found.mae.value)
    assert found.mae.interval() == (None, None, None)


def test_agreement_is_told_task_by_task() -> None:
    task = np.repeat([0, 1], 60)
    questions = QuestionSet(("easy", "hard"), ("all", "all"), task, CLUSTER)
    found = agreement_by_task(questions, JUDGE, PEOPLE)
    assert list(found) == ["easy", "hard"]
    assert found["hard"].mae.value == pytest.approx(np.abs(JUDGE - PEOPLE)[60:].mean())
