"""What the people who rated were like: how many, how strict each, how far they agree."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from alignbench.reporting.jackknife import Floats, Ints

FEWEST_RATERS: Final = 3
LEAST_RATED_TWICE: Final = 0.2
"""Share of rated answers that two people or more must have rated, to know how they differ."""


@dataclass(frozen=True)
class Ratings:
    """People's ratings, one an item; a person's last rating of an answer is the one that counts.

    Attributes:
        answer: The number of the answer that was rated.
        model: The number of the model that wrote it.
        rater: The number of the person.
        rating: What they gave.
    """

    answer: Ints
    model: Ints
    rater: Ints
    rating: Floats

    def mean_by_answer(self, answers: int) -> Floats:
        """Returns each answer's mean rating; NaN where nobody rated it. Shape (answers,)."""
        count = np.bincount(self.answer, minlength=answers)
        total = np.bincount(self.answer, self.rating, minlength=answers)
        return np.asarray(np.divide(total, count, out=np.full(answers, np.nan), where=count > 0))

    def variance_by_answer(self, answers: int) -> Floats:
        """Returns the variance of each mean rating from raters' differences; 0 where unrated.

        The variance of one rating is taken to be the same for all answers, and is 0 where no answer
        has two: then nothing is known of it.
        """
        count = np.bincount(self.answer, minlength=answers)
        variance = self.within_variance() or 0.0
        return np.asarray(np.divide(variance, count, out=np.zeros(answers), where=count > 0))

    def within_variance(self) -> float | None:
        """Returns the variance of ratings of one answer, pooled; None where none has two."""
        _, number, count = np.unique(self.answer, return_inverse=True, return_counts=True)
        free = int((count - 1).sum())
        if not free:
            return None
        mean = np.bincount(number, self.rating) / count
        return float(((self.rating - mean[number]) ** 2).sum() / free)


class RaterReport(NamedTuple):
    """What is reported of raters beside calibrated scores.

    Attributes:
        raters: How many people rated.
        ratings: How many ratings they gave.
        rated_twice: Share of rated answers with two ratings or more.
        within_variance: Variance of ratings of one answer; None where none has two.
        strictness: Of each rater, by how much their ratings lie above the mean of the answers that
            they rated together with others; NaN for one who rated none of these.
        shortcomings: What keeps the figures from being trusted, in sentences; empty if nothing.
    """

    raters: int
    ratings: int
    rated_twice: float
    within_variance: float | None
    strictness: Floats
    shortcomings: tuple[str, ...]


def rater_report(ratings: Ratings) -> RaterReport:
    """Returns what the raters were like."""
    raters = np.unique(ratings.rater)
    _, number, count = np.unique(ratings.answer, return_inverse=True, return_counts=True)
    mean = np.bincount(number, ratings.rating) / np.maximum(count, 1)
    shared = count[number] > 1
    strictness = np.array([
        np.mean((ratings.rating - mean[number])[own])
        if (own := shared & (ratings.rater == rater)).any()
        else np.nan
        for rater in raters
    ])  # fmt: skip
    twice = float(np.mean(count > 1)) if len(count) else 0.0
    models = len(np.unique(ratings.model))
    narrow = [r for r in raters if len(np.unique(ratings.model[ratings.rater == r])) < models]
    shortcomings = []
    if len(raters) < FEWEST_RATERS:
        shortcomings.append(f"Fewer than {FEWEST_RATERS} people rated: {len(raters)}.")
    if twice < LEAST_RATED_TWICE:
        shortcomings.append(
            f"Two people rated {twice:.0%} of the answers; {LEAST_RATED_TWICE:.0%} tell how far "
            "people differ."
        )
    if narrow:
        shortcomings.append(
            f"{len(narrow)} of {len(raters)} people did not rate every model: a strict one moves "
            "those that they did."
        )
    return RaterReport(
        len(raters), len(ratings.rating), twice, ratings.within_variance(), strictness,
        tuple(shortcomings),
    )  # fmt: skip
