"""A model's mean scores, calibrated by people's ratings of a sample of its answers.

The prediction of an answer is λ times the judge's score. One λ between 0 and 1 for each model says
how far its judge is to be relied on: the one that makes the macro mean's variance least in the
rated sample. At 0 the judge does not count, and the figure is what people alone say; that stands
beside it always.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from alignbench.judging.calibration.rated_sample import RatedSample
from alignbench.judging.calibration.stratified import Calibrated, Estimand, Parts, StratifiedMean
from alignbench.judging.question_set import QuestionSet
from alignbench.judging.scores.means import task_weights
from alignbench.reporting.jackknife import Bools, Floats


@dataclass(frozen=True)
class JudgedAndRated:
    """What a judge and people said of one model's answers, in the order of the questions.

    Attributes:
        answered: Which questions the model answered; the figures are over these.
        judge: The judge's score of each answer; NaN where it has none. Such an answer is expected
            to score as its task does on average, which people's ratings put right as all else.
        people: The mean rating of each answer; NaN where nobody rated it.
        rating_variance: Of each mean rating, the variance from raters' inconstancy (see
            `raters.RatingVariance`); zeros where the mean rating itself is what is asked for.
    """

    answered: Bools
    judge: Floats
    people: Floats
    rating_variance: Floats

    def parts(self, questions: QuestionSet, reliance: float) -> Parts:
        """Returns what a mean is computed from, relying on the judge so far."""
        prediction = reliance * _completed(questions, self.judge)
        return Parts(self.answered, prediction, self.people - prediction, self.rating_variance)


class Figure(NamedTuple):
    """One calibrated mean.

    Attributes:
        name: `macro`, `row-weighted`, a category's or a task's name.
        calibrated: With the judge.
        people_only: Without it.
        ratings: How many rated answers both rest on.
        clusters: How many clusters those are of.
    """

    name: str
    calibrated: Calibrated
    people_only: Calibrated
    ratings: int
    clusters: int


@dataclass(frozen=True)
class Calibration:
    """A model's calibrated means.

    Attributes:
        estimand: What they are to hold for.
        reliance: λ, how far the judge is relied on.
        figures: `macro` and `row-weighted` first, then categories, then tasks.
    """

    estimand: Estimand
    reliance: float
    figures: tuple[Figure, ...]

    def __getitem__(self, name: str) -> Figure:
        """Returns the figure of this name."""
        return next(figure for figure in self.figures if figure.name == name)


def calibrate(
    questions: QuestionSet,
    sample: RatedSample,
    scores: JudgedAndRated,
    estimand: Estimand,
    only: Collection[str] = (),
) -> Calibration:
    """Returns a model's calibrated means.

    Args:
        questions: What it was asked.
        sample: Which answers were drawn for people, and by what chance.
        scores: What judge and people said.
        estimand: What the means are to hold for.
        only: Names of the figures that are wanted, if not all.
    """
    reliance = reliance_on_judge(questions, sample, scores, estimand)
    parts, without = scores.parts(questions, reliance), scores.parts(questions, 0.0)
    figures = tuple(
        _figure(name, questions, sample, (parts, without), weights, estimand, int(reliance > 0))
        for name, weights in figure_weights(questions, scores.answered)
        if not only or name in only
    )
    return Calibration(estimand, reliance, figures)


def compare(
    questions: QuestionSet,
    sample: RatedSample,
    one: JudgedAndRated,
    other: JudgedAndRated,
    estimand: Estimand,
) -> tuple[Figure, ...]:
    """Returns by how much one model's means lie above another's, figure by figure.

    Over the questions that both answered and, of their ratings, those of questions where both
    answers were rated: what makes a question hard, or a rater strict, cancels out. Where people's
    ratings of the two go together, a judge's errors would only add to the difference: both λ are
    then lowered by one factor, the one at which the macro difference varies least.

    Args:
        questions: What both were asked.
        sample: Which questions were drawn, for both.
        one: What judge and people said of the one.
        other: Of the other.
        estimand: What the differences are to hold for.
    """
    both = one.answered & other.answered
    reliances = [
        reliance_on_judge(questions, sample, replace(model, answered=both), estimand)
        for model in (one, other)
    ]

    def relying(share: float) -> Parts:
        return _difference(
            one.parts(questions, share * reliances[0]),
            other.parts(questions, share * reliances[1]),
            both,
        )

    weights = task_weights(questions, both, macro=True)
    share = _best_share(questions, sample, relying, weights, estimand)
    parts, without = relying(share), relying(0.0)
    fitted = (1 + sum(reliance > 0 for reliance in reliances)) if share > 0 else 0
    return tuple(
        _figure(name, questions, sample, (parts, without), weights, estimand, fitted)
        for name, weights in figure_weights(questions, both)
    )


def reliance_on_judge(
    questions: QuestionSet, sample: RatedSample, scores: JudgedAndRated, estimand: Estimand
) -> float:
    """Returns λ: 0 where the judge does not vary, or where too little was rated to tell."""
    weights = task_weights(questions, scores.answered, macro=True)
    return _best_share(questions, sample, partial(scores.parts, questions), weights, estimand)


def figure_weights(questions: QuestionSet, rows: Bools) -> Iterator[tuple[str, Floats]]:
    """Yields each figure's name and what it weighs each task, for means over these questions."""
    yield "macro", task_weights(questions, rows, macro=True)
    yield "row-weighted", task_weights(questions, rows, macro=False)
    for category in dict.fromkeys(questions.categories):
        inside = questions.in_category(category).astype(np.float64)
        yield category, inside / inside.sum()
    for number, task in enumerate(questions.tasks):
        yield task, (np.arange(len(questions.tasks)) == number).astype(np.float64)


def _best_share(
    questions: QuestionSet,
    sample: RatedSample,
    relying: Callable[[float], Parts],
    weights: Floats,
    estimand: Estimand,
) -> float:
    """Returns the share of the predictions, from 0 to 1, at which the mean varies least."""
    # The variance is a parabola in the share, so that three points give its lowest.
    at_zero, at_half, at_one = (
        StratifiedMean(questions, sample, relying(share), weights).variance(estimand).total
        for share in (0.0, 0.5, 1.0)
    )
    curvature = 2 * (at_zero + at_one - 2 * at_half)
    slope = at_one - at_zero - curvature
    if not curvature > 1e-12 * max(at_zero, at_one):
        return 0.0
    return float(np.clip(-slope / (2 * curvature), 0.0, 1.0))


def _figure(
    name: str,
    questions: QuestionSet,
    sample: RatedSample,
    parts: tuple[Parts, Parts],
    weights: Floats,
    estimand: Estimand,
    fitted: int,
) -> Figure:
    calibrated, people_only = (StratifiedMean(questions, sample, p, weights) for p in parts)
    return Figure(
        name,
        calibrated.estimate(estimand, fitted),
        people_only.estimate(estimand),
        people_only.ratings,
        people_only.rated_clusters,
    )


def _difference(one: Parts, other: Parts, both: Bools) -> Parts:
    return Parts(
        both,
        one.prediction - other.prediction,
        one.residual - other.residual,
        one.rating_variance + other.rating_variance,
    )


def _completed(questions: QuestionSet, judge: Floats) -> Floats:
    """Returns the judge's scores, with the mean of its task where there is none."""
    there = ~np.isnan(judge)
    tasks = len(questions.tasks)
    total = np.bincount(questions.task[there], judge[there], minlength=tasks)
    count = np.bincount(questions.task[there], minlength=tasks)
    of_task = total / np.maximum(count, 1)
    return np.where(there, judge, of_task[questions.task])
