"""What people gave to answers, and the sample that it is of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.flows.runs.run import Run
from alignbench.judging.calibration.rated_sample import RatedSample
from alignbench.judging.calibration.raters import Ratings
from alignbench.judging.question_set import QuestionSet
from alignbench.judging.report.results import Answerer, RatedByPeople
from alignbench.reporting.jackknife import Bools
from alignbench.schemas.rows.questions import Rating, SampledQuestion
from alignbench.schemas.tables import RATINGS, SAMPLED_QUESTIONS
from alignbench.schemas.vocabulary import WithdrawnKind


class GivenRating(NamedTuple):
    """A person's last rating of an answer.

    Attributes:
        answerer: The model that answered.
        place: The number of the question.
        annotator: The person.
        rating: What they gave.
    """

    answerer: Answerer
    place: int
    annotator: str
    rating: float


def newest_ratings(run: Run, responses: Mapping[str, tuple[Answerer, int]]) -> list[GivenRating]:
    """Returns each person's last rating of each of these answers.

    Args:
        run: The run.
        responses: The answers that count: who gave each, to the question of which number.
    """
    return [
        GivenRating(*responses[row.response_id], row.annotator, row.rating)
        for row in counted_ratings(run)
        if row.rating is not None and row.response_id in responses
    ]


def counted_ratings(run: Run) -> list[Rating]:
    """Returns each person's last rating of each answer.

    Gold is none, nor what somebody said who is excluded or has withdrawn.
    """
    newest: dict[tuple[str, str], Rating] = {}
    out = set(withdrawn_ids(run.workspace, WithdrawnKind.ANNOTATOR).to_pylist())
    for row in run.workspace.table(RATINGS).rows():
        key = (row.response_id, row.annotator)
        if not row.counts or row.annotator in out:
            continue
        if key not in newest or newest[key].updated_at < row.updated_at:
            newest[key] = row
    return list(newest.values())


def largest_sample(rows: Iterable[SampledQuestion]) -> list[SampledQuestion]:
    """Returns the sample with the most questions drawn; a larger one holds a smaller one."""
    by_round: dict[str, list[SampledQuestion]] = {}
    for row in rows:
        by_round.setdefault(row.round, []).append(row)
    return max(
        by_round.values(),
        key=lambda sample: (sum(row.drawn for row in sample), sample[0].round),
        default=[],
    )


def rated_by_people(
    run: Run, asked_ids: Sequence[str], questions: QuestionSet, given: Sequence[GivenRating]
) -> RatedByPeople | None:
    """Returns the sample that was drawn, with the ratings of it; None where none was drawn.

    Args:
        run: The run.
        asked_ids: The questions, in the order of all columns.
        questions: The same as columns.
        given: The ratings that count.
    """
    sampled = {row.asked_id: row for row in largest_sample(run.workspace.table(
        SAMPLED_QUESTIONS).rows())}  # fmt: skip
    if not sampled:
        return None
    inside = np.array([one in sampled for one in asked_ids], np.bool_)
    strata = max(row.stratum for row in sampled.values()) + 1
    units: dict[str, int] = {}
    rows = [sampled.get(one) for one in asked_ids]
    # What came after the sample was drawn stands in strata of its own, which no figure is over.
    sample = RatedSample(
        stratum=np.array(
            [
                strata + int(task) if row is None else row.stratum
                for row, task in zip(rows, questions.task, strict=True)
            ],
            np.int64,
        ),
        unit=np.array(
            [
                units.setdefault(f"later {number}" if row is None else row.unit, len(units))
                for number, row in enumerate(rows)
            ],
            np.int64,
        ),
        probability=np.array([1.0 if row is None else row.probability for row in rows]),
        drawn=np.array([row is not None and row.drawn for row in rows], np.bool_),
    )
    return _with_ratings(sample, inside, [one for one in given if sample.drawn[one.place]])


def _with_ratings(
    sample: RatedSample, inside: Bools, given: Sequence[GivenRating]
) -> RatedByPeople:
    """Returns a sample with the ratings of drawn questions, people and models as numbers."""
    count = len(inside)
    answerers = sorted({one.answerer for one in given})
    people = sorted({one.annotator for one in given})
    model = np.array([answerers.index(one.answerer) for one in given], np.int64)
    place = np.array([one.place for one in given], np.int64)
    ratings = Ratings(
        answer=model * count + place,
        model=model,
        rater=np.array([people.index(one.annotator) for one in given], np.int64),
        rating=np.array([one.rating for one in given], np.float64),
    )
    variance = ratings.variance_by_answer(len(answerers) * count)
    by_model = {
        answerer: variance[number * count : (number + 1) * count]
        for number, answerer in enumerate(answerers)
    }
    return RatedByPeople(sample, inside, ratings, by_model)
