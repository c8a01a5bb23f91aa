"""A mean from judgements on all answers and people's ratings of a sample, with its variance.

θ = Σ_h W_h·(mean_h of predictions over all + mean_h of residuals over the rated)

for strata h: prediction-powered inference. Predictions may be as biased as they like: the residuals
(people - prediction) of a sample drawn by chance take the bias off. Means of residuals weigh each
rated answer by the inverse of its chance (Hájek).

Variance, by what the figure is to hold for (`Estimand`):

- *these questions*: the sample is what varies. In each stratum (1 - f)·s²/n over sampling units, f
  being the share that was rated, and f times the variance that raters' own inconstancy adds, which
  no census of questions takes away;
- *questions like these*: questions vary too. The sum of squares of each cluster's influence, by its
  predictions and by its residuals.

Student's t, with Satterthwaite's degrees of freedom over strata in the form that is unbiased for
strata of few units.

Sources:
    - A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan, T. Zrnic, "Prediction-powered
      inference", Science 382, 2023; A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++: Efficient
      prediction-powered inference", 2023.
    - C.-E. Särndal, B. Swensson, J. Wretman, "Model assisted survey sampling", 1992, chapters 5, 6.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from alignbench.judging.calibration.rated_sample import FEWEST_UNITS, RatedSample
from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import LEVEL, Bools, Floats, Ints

FEWEST_RATINGS: Final = 30
"""Below so many rated answers a figure is null."""
FEWEST_CLUSTERS: Final = 10
"""Likewise, below so many clusters with rated answers."""


class Estimand(StrEnum):
    """What a calibrated figure is to hold for."""

    THESE_QUESTIONS = "these questions"
    """What people would say on average of all these answers, had they rated them all."""
    LIKE_THESE = "questions like these"
    """The same for other questions of these tasks."""


class Calibrated(NamedTuple):
    """A mean with its 95 % interval; all None, with the reason, where none can be trusted."""

    value: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    why_null: str | None = None

    @property
    def width(self) -> float | None:
        """From the low end to the high one."""
        return None if self.low is None or self.high is None else self.high - self.low


class Variance(NamedTuple):
    """A variance, and by stratum what it is made of.

    Attributes:
        total: Their sum.
        by_stratum: Of each stratum that counts; shape (strata that count,).
        freedom: The degrees of freedom that each is known with.
    """

    total: float
    by_stratum: Floats
    freedom: Floats

    def degrees_of_freedom(self) -> float:
        """Returns those of the total; unbiased also where strata have few units."""
        known = self.by_stratum > 0
        squares = self.by_stratum[known] ** 2 / (self.freedom[known] + 2)
        return float(max(self.by_stratum.sum() ** 2 / squares.sum() - 2, 1))


@dataclass(frozen=True)
class Parts:
    """What a mean is computed from. All columns are in the order of the questions.

    Attributes:
        population: Which questions the mean is over: those that were answered.
        prediction: What the judge lets one expect of each answer.
        residual: What people said above it; NaN where nobody rated the answer.
        rating_variance: Of each rated answer, the variance of its mean rating from raters'
            inconstancy alone.
    """

    population: Bools
    prediction: Floats
    residual: Floats
    rating_variance: Floats

    @property
    def rated(self) -> Bools:
        """Which answers have a residual."""
        return np.asarray(self.population & ~np.isnan(self.residual))


class StratifiedMean:
    """A mean over the questions of some tasks.

    Args:
        questions: All questions.
        sample: Which of them people rated, and by what chance.
        parts: What the mean is computed from.
        weights: What each task counts; they sum to one. Shape (tasks,).
    """

    def __init__(
        self, questions: QuestionSet, sample: RatedSample, parts: Parts, weights: Floats
    ) -> None:
        self._questions, self._sample, self._parts = questions, sample, parts
        self._population = parts.population & (weights[questions.task] > 0)
        self._rated = parts.rated & self._population
        self._strata = int(sample.stratum.max(initial=-1)) + 1
        self._size = self._by_stratum(self._population)
        self._used = self._size > 0
        self._rows_rated = self._by_stratum(self._rated)
        of_task = np.bincount(questions.task[self._population], minlength=len(weights))
        self._is_unanswered = (of_task == 0) & (weights > 0)
        task_of_stratum = np.zeros(self._strata, np.int64)
        task_of_stratum[sample.stratum] = questions.task
        per_question = np.divide(weights, of_task, out=np.zeros(len(weights)), where=of_task > 0)
        self._per_question = per_question[questions.task]
        self._weight = per_question[task_of_stratum] * self._size
        inverse = np.where(self._rated, 1 / sample.probability, 0.0)
        total = self._by_stratum(self._rated, inverse)
        self._share = np.divide(
            inverse, total[sample.stratum], out=np.zeros(len(inverse)), where=self._rated
        )
        residual = np.where(self._rated, parts.residual, 0.0)
        self._mean_residual = self._by_stratum(self._rated, self._share * residual)
        self._deviation = np.where(self._rated, residual - self._mean_residual[sample.stratum], 0.0)

    @property
    def ratings(self) -> int:
        """How many rated answers it rests on."""
        return int(np.count_nonzero(self._rated))

    @property
    def rated_clusters(self) -> int:
        """How many clusters those are of."""
        return len(np.unique(self._questions.cluster[self._rated]))

    def value(self) -> float:
        """Returns the mean."""
        rows = self._population
        predicted = float(self._per_question[rows] @ self._parts.prediction[rows])
        return predicted + float(self._weight @ self._mean_residual)

    def variance(self, estimand: Estimand) -> Variance:
        """Returns the variance of the mean; NaN where a stratum has a single unit."""
        if estimand is Estimand.THESE_QUESTIONS:
            return self._of_these_questions()
        return self._of_questions_like_these()

    def estimate(self, estimand: Estimand, fitted: int = 0) -> Calibrated:
        """Returns the mean with its interval.

        Args:
            estimand: What it is to hold for.
            fitted: How many numbers in the predictions were fitted to the rated answers.
        """
        variance = self.variance(estimand)
        if (reason := self._why_null(variance)) is not None:
            return Calibrated(None, None, None, None, None, reason)
        free = variance.freedom.sum()
        total = variance.total * (free / (free - fitted) if free > fitted else math.inf)
        error, freedom = math.sqrt(total), variance.degrees_of_freedom()
        margin = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
        value = self.value()
        return Calibrated(value, value - margin, value + margin, error, freedom)

    def _why_null(self, variance: Variance) -> str | None:
        if self._is_unanswered.any():
            task = self._questions.tasks[int(np.argmax(self._is_unanswered))]
            return f"No question of {task} was answered."
        if self.ratings < FEWEST_RATINGS:
            return f"Fewer than {FEWEST_RATINGS} rated answers: {self.ratings}."
        if self.rated_clusters < FEWEST_CLUSTERS:
            there = self.rated_clusters
            return f"Fewer than {FEWEST_CLUSTERS} clusters with rated answers: {there}."
        if math.isnan(variance.total):
            return f"A stratum has fewer than {FEWEST_UNITS} rated units."
        if not variance.total > 0:
            return "Ratings and predictions leave no variance to tell how far off it may be."
        return None

    def _of_these_questions(self) -> Variance:
        sample = self._sample
        influence = self._weight[sample.stratum] * self._share * self._deviation
        squares, units = self._squares(influence, sample.unit, self._rated)
        unrated = 1 - self._rows_rated / np.maximum(self._size, 1)
        from_raters = self._by_stratum(
            self._rated,
            (self._weight[sample.stratum] * self._share) ** 2
            * np.where(self._rated, self._parts.rating_variance, 0.0),
        )
        by_stratum = unrated * _corrected(squares, units) + (1 - unrated) * from_raters
        is_census = (self._rows_rated == self._size) & self._used
        return self._sum(np.where(is_census, from_raters, by_stratum), units)

    def _of_questions_like_these(self) -> Variance:
        sample, questions = self._sample, self._questions
        _, units = self._squares(self._deviation, questions.cluster, self._rated)
        stretch = np.sqrt(units / np.maximum(units - 1, 1))[sample.stratum]
        of_rated = stretch * self._weight[sample.stratum] * self._share * self._deviation
        expected = np.where(
            self._population, self._parts.prediction + self._mean_residual[sample.stratum], 0.0
        )
        tasks = len(questions.tasks)
        total = np.bincount(questions.task, expected, minlength=tasks)
        count = np.bincount(questions.task[self._population], minlength=tasks)
        of_task = total / np.maximum(count, 1)
        of_all = np.where(
            self._population, self._per_question * (expected - of_task[questions.task]), 0.0
        )
        squares, _ = self._squares(of_all + of_rated, questions.cluster, self._population)
        return self._sum(np.where(units > 1, squares, np.nan), units)

    def _sum(self, by_stratum: Floats, units: Floats) -> Variance:
        used = by_stratum[self._used]
        return Variance(float(used.sum()), used, np.maximum(units[self._used] - 1, 1))

    def _squares(self, influence: Floats, group: Ints, rows: Bools) -> tuple[Floats, Floats]:
        """Returns by stratum the sum of squares of the groups' influence, and their number."""
        different, number = np.unique(group[rows], return_inverse=True)
        sums = np.bincount(number, influence[rows], minlength=len(different))
        stratum = np.zeros(len(different), np.int64)
        stratum[number] = self._sample.stratum[rows]
        squares = np.bincount(stratum, sums**2, minlength=self._strata)
        counts = np.bincount(stratum, minlength=self._strata)
        return squares.astype(np.float64), counts.astype(np.float64)

    def _by_stratum(self, rows: Bools, values: Floats | None = None) -> Floats:
        stratum = self._sample.stratum[rows]
        weights = None if values is None else values[rows]
        return np.bincount(stratum, weights, minlength=self._strata).astype(np.float64)


def _corrected(squares: Floats, units: Floats) -> Floats:
    """Returns sums of squares by stratum, times n / (n - 1); NaN below two units."""
    return np.where(units > 1, squares * units / np.maximum(units - 1, 1), np.nan)
