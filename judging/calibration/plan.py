"""What ratings buy: how wide an interval becomes with more of them.

Before anybody has rated, from the judge's scores alone and what agreement one supposes; afterwards
from the ratings themselves. Both for *these questions*, in proportion to the sample's strata.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from alignbench.judging.calibration.stratified import FEWEST_RATINGS
from alignbench.judging.question_set import QuestionSet
from alignbench.judging.scores.means import task_weights
from alignbench.reporting.jackknife import LEVEL, Floats


class ExpectedWidth(NamedTuple):
    """How wide the macro mean's interval can be expected to be.

    Attributes:
        ratings: With so many answers rated.
        calibrated: With the judge.
        people_only: Without it.
    """

    ratings: int
    calibrated: float
    people_only: float


def expected_before(
    questions: QuestionSet,
    judge: Floats,
    ratings: Sequence[int],
    correlation: float,
    deviation: float | None = None,
) -> list[ExpectedWidth]:
    """Returns what ratings would buy, before anybody has rated.

    Args:
        questions: What can be rated.
        judge: The judge's score of each answer of a model; NaN where there is none.
        ratings: The numbers to compare.
        correlation: How far the judge is supposed to agree with people within a task.
        deviation: The standard deviation that people's ratings are supposed to have within a task;
            without it, the judge's.
    """
    tasks = len(questions.tasks)
    variance = np.array([np.nanvar(judge[questions.task == task]) for task in range(tasks)])
    if deviation is not None:
        variance = np.full(tasks, deviation**2)
    return [
        ExpectedWidth(
            count,
            _width(questions, variance * (1 - correlation**2), count),
            _width(questions, variance, count),
        )
        for count in ratings
    ]


def expected_after(
    questions: QuestionSet,
    residual: Floats,
    people: Floats,
    ratings: Sequence[int],
) -> list[ExpectedWidth]:
    """Returns what more ratings would buy, from those that there are.

    Args:
        questions: What can be rated.
        residual: What people said above the calibrated prediction; NaN where nobody rated.
        people: The mean rating of each answer; NaN there too.
        ratings: The numbers to compare.
    """
    calibrated, people_only = (_within_tasks(questions, values) for values in (residual, people))
    return [
        ExpectedWidth(
            count, _width(questions, calibrated, count), _width(questions, people_only, count)
        )
        for count in ratings
    ]


def _within_tasks(questions: QuestionSet, values: Floats) -> Floats:
    """Returns the variance within each task; the mean of the others' where two values lack."""
    tasks = len(questions.tasks)
    found = np.full(tasks, math.nan)
    for task in range(tasks):
        own = values[(questions.task == task) & ~np.isnan(values)]
        if len(own) > 1:
            found[task] = own.var(ddof=1)
    return np.where(np.isnan(found), np.nanmean(found), found)


def _width(questions: QuestionSet, variance: Floats, ratings: int) -> float:
    """Returns the width of the macro mean's interval; NaN where so few give none."""
    size = questions.questions_of_task
    if ratings < FEWEST_RATINGS or ratings < 2 * len(size):
        return math.nan
    rated = np.minimum(np.maximum(ratings * size / size.sum(), 2), size)
    weights = task_weights(questions, np.ones(len(questions), np.bool_), macro=True)
    parts = weights**2 * variance * (1 - rated / size) / rated
    quantile = stats.t.ppf((1 + LEVEL) / 2, ratings - len(size))
    return float(2 * quantile * math.sqrt(parts.sum()))
