"""Answers whose truth is known, judges that err as planned, and how often intervals hold the truth.

The truth of an answer is its task's mean, moved by its cluster and by the variant. What people say
is the truth, rounded to whole points. Judges: `unbiased` errs by chance; `biased` likes long
answers; `useless` says anything.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alignbench.judging.calibration.calibrate import Figure, JudgedAndRated, calibrate
from alignbench.judging.calibration.rated_sample import RatedSample, Unit, draw_sample
from alignbench.judging.calibration.stratified import Estimand
from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import Floats

JUDGES = ("biased", "unbiased", "useless")


@dataclass(frozen=True)
class Setting:
    """What is drawn: the shape of the questions, the spread of the truth, and the sample."""

    tasks: int = 4
    clusters: int = 40
    variants: int = 4
    cluster_sd: float = 1.2
    variant_sd: float = 0.9
    units: int = 100
    unit: Unit = Unit.QUESTION


class Coverage(NamedTuple):
    """What came of many repetitions.

    Attributes:
        covered: Share of the intervals that hold the truth.
        width: Mean width of the calibrated interval.
        people_only: Mean width of the interval from people alone.
        intervals: How many repetitions gave an interval.
    """

    covered: float
    width: float
    people_only: float
    intervals: int

    @property
    def relative_width(self) -> float:
        """How wide that is beside the interval from people alone."""
        return self.width / self.people_only


def question_set(setting: Setting) -> QuestionSet:
    """Returns questions of tasks that differ in size: the last has twice the first's clusters."""
    sizes = np.linspace(2 / 3, 4 / 3, setting.tasks) * setting.clusters
    task_of_cluster = np.repeat(np.arange(setting.tasks), np.round(sizes).astype(int))
    cluster = np.repeat(np.arange(len(task_of_cluster)), setting.variants)
    names = tuple(f"task {number}" for number in range(setting.tasks))
    categories = tuple("one" if number % 2 else "two" for number in range(setting.tasks))
    return QuestionSet(names, categories, task_of_cluster[cluster], cluster)


def true_means(setting: Setting) -> Floats:
    return np.linspace(4.0, 7.0, setting.tasks)


def people(setting: Setting, questions: QuestionSet, random: np.random.Generator) -> Floats:
    """Returns what people would say of every answer."""
    moved = random.normal(0, setting.cluster_sd, questions.clusters)[questions.cluster]
    own = random.normal(0, setting.variant_sd, len(questions))
    return np.round(true_means(setting)[questions.task] + moved + own)


def judged(kind: str, truth: Floats, random: np.random.Generator) -> Floats:
    """Returns what a judge says of every answer."""
    noise = random.normal(0, 0.8, len(truth))
    if kind == "useless":
        return 6 + noise
    long = random.normal(0.5, 1, len(truth)) if kind == "biased" else 0.0
    return truth + noise + long


def spread_of(questions: QuestionSet, judge: Floats) -> Floats:
    """Returns the standard deviation of the judge's scores of each cluster."""
    size = np.bincount(questions.cluster)
    mean = np.bincount(questions.cluster, judge) / size
    return np.sqrt(np.bincount(questions.cluster, (judge - mean[questions.cluster]) ** 2) / size)


def drawn(
    setting: Setting, questions: QuestionSet, judge: Floats, random: np.random.Generator
) -> RatedSample:
    units = len(questions) if setting.unit is Unit.QUESTION else questions.clusters
    place = random.random(units)
    return draw_sample(questions, spread_of(questions, judge), setting.units, place, setting.unit)


def rated(truth: Floats, judge: Floats, sample: RatedSample) -> JudgedAndRated:
    """Returns scores of which people gave those that were drawn."""
    seen = np.where(sample.drawn, truth, np.nan)
    return JudgedAndRated(np.ones(len(truth), np.bool_), judge, seen, np.zeros(len(truth)))


def coverage(
    setting: Setting, kind: str, estimand: Estimand, repetitions: int, seed: int
) -> Coverage:
    """Returns how often the macro mean's interval holds the truth, and how wide it is.

    For these questions the answers stay and the sample is drawn anew; for questions like these the
    answers are new each time too.
    """
    random = np.random.default_rng(seed)
    questions = question_set(setting)
    truth = people(setting, questions, random)
    judge = judged(kind, truth, random)
    found: list[Figure] = []
    held = 0
    for _ in range(repetitions):
        aim = float(true_means(setting).mean())
        if estimand is Estimand.LIKE_THESE:
            truth = people(setting, questions, random)
            judge = judged(kind, truth, random)
        else:
            by_task = [truth[questions.task == task].mean() for task in range(setting.tasks)]
            aim = float(np.mean(by_task))
        sample = drawn(setting, questions, judge, random)
        scores = rated(truth, judge, sample)
        figure = calibrate(questions, sample, scores, estimand, only=["macro"])["macro"]
        low, high = figure.calibrated.low, figure.calibrated.high
        if low is not None and high is not None:
            found.append(figure)
            held += low <= aim <= high
    return Coverage(
        held / len(found),
        float(np.mean([figure.calibrated.width for figure in found])),
        float(np.mean([figure.people_only.width for figure in found])),
        len(found),
    )
