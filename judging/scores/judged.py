"""What a judge made of one model's answers, and how many of them it could not score."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import Bools, Floats, Ints


class Counts(NamedTuple):
    """How many questions came to a score.

    Attributes:
        questions: All of them.
        answered: Those that the model answered.
        judged: Those whose answer has a score; the figures are over these.
    """

    questions: int
    answered: int
    judged: int

    @property
    def unanswered(self) -> int:
        """Questions without an answer."""
        return self.questions - self.answered

    @property
    def unjudged(self) -> int:
        """Answers without a score."""
        return self.answered - self.judged


@dataclass(frozen=True)
class Judged:
    """The scores of one model's answers.

    Attributes:
        questions: What it was asked.
        draws: The scores of each draw of the judge; NaN where there is none. Shape
            (questions, draws).
        answered: Whether the model answered; shape (questions,).
    """

    questions: QuestionSet
    draws: Floats
    answered: Bools

    @cached_property
    def there(self) -> Bools:
        """Whether a question's answer has a score at all; shape (questions,)."""
        return np.asarray(~np.isnan(self.draws).all(axis=1))

    @cached_property
    def draws_of_question(self) -> Ints:
        """How many draws scored each answer; shape (questions,)."""
        return np.asarray(np.count_nonzero(~np.isnan(self.draws), axis=1), np.int64)

    @cached_property
    def score(self) -> Floats:
        """Mean over the draws; NaN where an answer has no score. Shape (questions,)."""
        found = np.full(len(self.questions), math.nan)
        np.divide(
            np.nansum(self.draws, axis=1), self.draws_of_question, out=found, where=self.there
        )
        return found

    @cached_property
    def noise_variance(self) -> Floats:
        """The judge's own variance in each mean over draws; NaN below two draws."""
        count = self.draws_of_question
        squares = np.nansum((self.draws - self.score[:, None]) ** 2, axis=1)
        found = np.full(len(count), math.nan)
        np.divide(squares, (count - 1) * count, out=found, where=count > 1)
        return found

    def counts(self) -> Counts:
        """Returns how many questions came to a score."""
        judged = int(np.count_nonzero(self.there))
        return Counts(len(self.questions), int(np.count_nonzero(self.answered)), judged)

    def counts_by_task(self) -> list[Counts]:
        """Returns the same for each task."""
        number = len(self.questions.tasks)
        answered = np.bincount(self.questions.task[self.answered], minlength=number)
        judged = np.bincount(self.questions.task[self.there], minlength=number)
        every = self.questions.questions_of_task
        return [
            Counts(int(a), int(b), int(c)) for a, b, c in zip(every, answered, judged, strict=True)
        ]


def of_one_draw(questions: QuestionSet, score: Floats) -> Judged:
    """Returns the scores of a judge that was asked once about answers to every question."""
    return Judged(questions, score[:, None], np.ones(len(score), np.bool_))
