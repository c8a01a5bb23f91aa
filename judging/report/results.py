"""What models answered and judges said, as columns over the questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alignbench.judging.asked import Asked
from alignbench.judging.calibration.rated_sample import RatedSample
from alignbench.judging.calibration.raters import Ratings
from alignbench.judging.question_set import QuestionSet
from alignbench.judging.report.rewriting import Rewritten
from alignbench.judging.scores.judged import Judged
from alignbench.models.answers.scores import ScoreScale
from alignbench.reporting.jackknife import Bools, Floats


class Answerer(NamedTuple):
    """A model that answers, with the image or blind."""

    model: str
    blind: bool

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.model}, blind" if self.blind else self.model


class JudgeFacts(NamedTuple):
    """A judge by its name, and the scale of its rubric."""

    name: str
    rubric: str
    scale: ScoreScale


@dataclass(frozen=True)
class Answers:
    """One model's answers.

    Attributes:
        texts: Of each question; None where there is no answer.
        draws: By judge, the scores of each draw; NaN where there is none. Shape
            (questions, draws).
        people: The mean rating of each answer; NaN where nobody rated it.
    """

    texts: Sequence[str | None]
    draws: Mapping[JudgeFacts, Floats]
    people: Floats

    @property
    def answered(self) -> Bools:
        """Whether a question has an answer; shape (questions,)."""
        return np.array([text is not None for text in self.texts], np.bool_)


@dataclass(frozen=True)
class RatedByPeople:
    """A sample that was drawn for people to rate, and what they gave.

    Attributes:
        sample: Which questions were drawn, and by what chance.
        inside: Which questions it was drawn from; others came later. Shape (questions,).
        ratings: Each person's last rating of each answer to a drawn question.
        rating_variance: By model, of each mean rating its variance from raters' inconstancy.
    """

    sample: RatedSample
    inside: Bools
    ratings: Ratings
    rating_variance: Mapping[Answerer, Floats]


@dataclass(frozen=True)
class Results:
    """All that a report is made of.

    Attributes:
        asked: The questions, in the order of all columns.
        questions: The same as columns.
        judges: Who judged.
        answers: By model.
        rated: What people rated of a sample; None where none was drawn.
        rewritten: What was made of questions in other words; None where there is none.
    """

    asked: Sequence[Asked]
    questions: QuestionSet
    judges: Sequence[JudgeFacts]
    answers: Mapping[Answerer, Answers]
    rated: RatedByPeople | None = None
    rewritten: Rewritten | None = None

    def judged(self, answerer: Answerer, judge: JudgeFacts) -> Judged:
        """Returns what a judge made of a model's answers."""
        answers = self.answers[answerer]
        return Judged(self.questions, answers.draws[judge], answers.answered)

    @property
    def seeing(self) -> list[Answerer]:
        """The models that were shown the images."""
        return [one for one in self.answers if not one.blind]

    @property
    def has_ratings(self) -> bool:
        """Whether people rated any answer."""
        return any(not np.isnan(one.people).all() for one in self.answers.values())
