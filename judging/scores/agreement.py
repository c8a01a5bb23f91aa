"""How far a judge agrees with people, each figure with its definition.

Over answers that both have scored, d = judge - people, where the people's score of an answer is
the mean of its ratings:

- `mae`: mean of |d|;
- `exact`: share with d = 0; `within_one`: share with |d| ≤ 1;
- `pearson`, `spearman` (mean ranks in ties), `kendall` (tau-b): correlations over answers.

Intervals leave out one cluster at a time: answers to variants of a question are alike.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import Estimate, Floats, Ints, Sample, ratio_of_sums

CLUSTERS = "clusters that both judge and people scored"
_SAME = 1e-9


@dataclass(frozen=True)
class Agreement:
    """How far a judge agrees with people. A correlation is NaN where one side does not vary.

    Attributes:
        answers: How many answers both scored.
        mae: Mean absolute difference, in points.
        pearson: Correlation of the scores.
        spearman: Of their ranks.
        kendall: Tau-b.
        within_one: Share of answers at most one point apart.
        exact: Share of answers with the same score.
        bias: Mean of judge - people: above 0 the judge is kinder.
    """

    answers: int
    mae: Estimate
    pearson: Estimate
    spearman: Estimate
    kendall: Estimate
    within_one: Estimate
    exact: Estimate
    bias: Estimate


def agreement_of(judge: Floats, people: Floats, cluster: Ints) -> Agreement:
    """Returns how far a judge agrees with people.

    Args:
        judge: Its score of each answer; NaN where there is none.
        people: The mean rating of each answer; NaN where nobody rated it.
        cluster: The number of each answer's cluster.
    """
    both = ~np.isnan(judge) & ~np.isnan(people)
    one, other = judge[both], people[both]
    _, number = np.unique(cluster[both], return_inverse=True)
    clusters = int(number.max(initial=-1)) + 1
    apart = np.abs(one - other)
    size = np.bincount(number, minlength=clusters).astype(np.float64)

    def mean(values: Floats, *, is_share: bool) -> Estimate:
        total = np.bincount(number, values, minlength=clusters).astype(np.float64)
        return ratio_of_sums(total, size, CLUSTERS, is_share=is_share)

    def correlation(function: Callable[[Floats, Floats], float]) -> Estimate:
        return _jackknifed(function, one, other, number, clusters)

    return Agreement(
        len(one),
        mae=mean(apart, is_share=False),
        pearson=correlation(_pearson),
        spearman=correlation(lambda a, b: _pearson(stats.rankdata(a), stats.rankdata(b))),
        kendall=correlation(lambda a, b: float(stats.kendalltau(a, b).statistic)),
        within_one=mean((apart <= 1 + _SAME).astype(np.float64), is_share=True),
        exact=mean((apart <= _SAME).astype(np.float64), is_share=True),
        bias=mean(one - other, is_share=False),
    )


def agreement_by_task(
    questions: QuestionSet, judge: Floats, people: Floats
) -> dict[str, Agreement]:
    """Returns how far a judge agrees with people on each task, by the task's name."""
    return {
        name: agreement_of(
            judge[rows := questions.task == task], people[rows], questions.cluster[rows]
        )
        for task, name in enumerate(questions.tasks)
    }


def _pearson(one: Floats, other: Floats) -> float:
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def _jackknifed(
    function: Callable[[Floats, Floats], float],
    one: Floats,
    other: Floats,
    number: Ints,
    clusters: int,
) -> Estimate:
    value = function(one, other) if len(one) > 1 else math.nan
    if math.isnan(value):
        return Estimate.unknown(clusters)
    left_out = np.array(
        [function(one[kept := number != c], other[kept]) for c in range(clusters)], np.float64
    )
    moved = left_out.mean() - left_out
    influence = moved * (clusters - 1) / clusters
    every = np.ones(clusters, np.bool_)
    return Estimate(value, left_out, (Sample(influence, every, CLUSTERS),))
