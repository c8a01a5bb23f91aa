"""Real ratings: several people's of each answer, of whom one plays the judge."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from alignbench.judging.calibration.calibrate import calibrate
from alignbench.judging.calibration.rated_sample import draw_sample
from alignbench.judging.calibration.stratified import Estimand
from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import Floats
from tests.judging.simulated_judgements import Coverage, rated

RATERS = 5


def read_likert(path: Path) -> dict[str, Floats]:
    """Returns the ratings of each model's images: shape (images, raters), the judge's first.

    Of images that five people rated, as nearly all were.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with path.open(encoding="utf-8", newline="") as lines:
        ordered = sorted(csv.DictReader(lines), key=lambda row: (row["item_id"], row["worker_id"]))
    for row in ordered:
        found[row["t2i_model"]][row["item_id"]].append(float(row["answer"]))
    return {
        model: np.array([ratings for ratings in items.values() if len(ratings) == RATERS])
        for model, items in found.items()
    }


def likert_coverage(ratings: Floats, units: int, repetitions: int, seed: int) -> Coverage:
    """Returns how often the interval holds the mean of all ratings, the first rater judging."""
    random = np.random.default_rng(seed)
    images = len(ratings)
    one = np.zeros(images, np.int64)
    questions = QuestionSet(("likert",), ("likert",), one, np.arange(images))
    truth, judge = ratings.mean(axis=1), ratings[:, 0]
    held, widths, alone = 0, [], []
    for _ in range(repetitions):
        sample = draw_sample(questions, np.zeros(images), units, random.random(images))
        scores = rated(truth, judge, sample)
        figure = calibrate(questions, sample, scores, Estimand.THESE_QUESTIONS, only=["macro"])[
            "macro"
        ]
        low, high = figure.calibrated.low, figure.calibrated.high
        assert low is not None
        assert high is not None
        held += low <= truth.mean() <= high
        widths.append(figure.calibrated.width)
        alone.append(figure.people_only.width)
    return Coverage(held / repetitions, float(np.mean(widths)), float(np.mean(alone)), repetitions)
