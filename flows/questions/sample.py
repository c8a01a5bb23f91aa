"""questions sample: which questions people are to rate answers to, drawn by chance.

What comes in: judged answers. What is done: questions are drawn in proportion to the tasks, each
halved by how much the first judge's scores of a cluster differ, before any rating is seen. What
goes out: a row of `sampled_questions` for each question that could be drawn, with its chance.
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow.compute as pc

from alignbench.annotation.rounds.forms import round_form
from alignbench.flows.questions.report import question_results
from alignbench.flows.runs.errors import NoJudgeError
from alignbench.flows.runs.run import Run, open_run
from alignbench.judging.calibration.plan import ExpectedWidth, expected_before
from alignbench.judging.calibration.rated_sample import Unit, draw_sample, places
from alignbench.judging.errors import SampleDrawnError
from alignbench.judging.report.results import Results
from alignbench.reporting.jackknife import Floats
from alignbench.schemas.errors import UsageError
from alignbench.schemas.rows.questions import SampledQuestion
from alignbench.schemas.tables import ROUNDS, SAMPLED_QUESTIONS, TASKS
from alignbench.schemas.vocabulary import RATING_ROUND, AnnotationUnit

_SEED: Final = "sample for rating"
_TIMES: Final = (0.5, 1.0, 2.0, 4.0)


class DrawnSample(NamedTuple):
    """What was drawn.

    Attributes:
        rows: All questions that could be, drawn or not.
        expected: How wide the macro mean's interval can be expected to be, for several numbers of
            questions; of the model that the first judge's scores differ most of.
    """

    rows: list[SampledQuestion]
    expected: list[ExpectedWidth]

    @property
    def drawn(self) -> int:
        """How many questions were drawn."""
        return sum(row.drawn for row in self.rows)


def draw_questions(
    address: str,
    units: int,
    kind: Unit = Unit.QUESTION,
    name: str = RATING_ROUND,
    correlation: float = 0.6,
    *,
    keep: bool = True,
) -> DrawnSample:
    """Draws questions for people to rate the answers to.

    Args:
        address: The workspace.
        units: How many questions, or clusters, to draw.
        kind: What is drawn.
        name: The round that people rate it in. A larger sample of the same answers holds a
            smaller one.
        correlation: How far the judge is supposed to agree with people, for what is expected.
        keep: Whether the sample is kept, and not only looked at.

    Raises:
        NoJudgeError: Nothing was judged.
        SampleSizeError: So many cannot be drawn.
        SampleDrawnError: A sample was drawn for that round already.
        UsageError: That round asks about something else.
    """
    run = open_run(address)
    results, _ = question_results(run)
    if not results.judges or not results.seeing:
        raise NoJudgeError(
            "No answer was judged by a configured judge, so that nothing tells where to look.",
            "Run 'alignbench respond', then 'alignbench judge'.",
        )
    ids = [one.asked_id for one in results.asked]
    clusters = [" ".join(one.cluster) for one in results.asked]
    by_unit = ids if kind is Unit.QUESTION else list(dict.fromkeys(clusters))
    sample = draw_sample(results.questions, _spread(results), units, places(by_unit, _SEED), kind)
    rows = [
        SampledQuestion(
            round=name,
            asked_id=asked_id,
            stratum=int(sample.stratum[number]),
            unit=asked_id if kind is Unit.QUESTION else clusters[number],
            probability=float(sample.probability[number]),
            drawn=bool(sample.drawn[number]),
        )
        for number, asked_id in enumerate(ids)
    ]
    if keep:
        table = run.workspace.table(SAMPLED_QUESTIONS)
        with run.workspace.store.lock("questions"):
            _check_round(run, name)
            before = [row for row in table.rows() if row.round == name]
            if before and sorted(map(repr, before)) != sorted(map(repr, rows)):
                raise SampleDrawnError(
                    f"A sample was drawn for round {name!r} already, and another one.",
                    "What was drawn stays drawn: name another round with --round.",
                )
            if not before:
                table.append(rows, run.run_id)
    drawn = sum(row.drawn for row in rows)
    counts = sorted({min(round(drawn * times), len(rows)) for times in _TIMES})
    widest = max(_first_judge_scores(results), key=lambda score: float(np.nanvar(score)))
    return DrawnSample(rows, expected_before(results.questions, widest, counts, correlation))


def _check_round(run: Run, name: str) -> None:
    """Refuses a round in which people are asked about something else."""
    is_of_round = pc.field("round") == name
    form = round_form(run.workspace, name, run.config.annotation)
    begun = any(map(len, run.workspace.table(TASKS).scan(["round"], is_of_round)))
    begun |= any(map(len, run.workspace.table(ROUNDS).scan(["round"], is_of_round)))
    if begun and form.unit is not AnnotationUnit.RESPONSE:
        raise UsageError(
            f"Round {name!r} was begun, and asks people about {form.unit.value}s.",
            "Name another round with --round.",
        )


def _first_judge_scores(results: Results) -> list[Floats]:
    """Returns the first judge's scores of each seeing model of which it scored any answer."""
    scores = [results.judged(one, results.judges[0]).score for one in results.seeing]
    return [score for score in scores if not np.isnan(score).all()] or scores


def _spread(results: Results) -> Floats:
    """Returns how much the first judge's scores of each cluster differ, over all its answers."""
    scores = np.stack(_first_judge_scores(results))
    cluster = results.questions.cluster
    there = ~np.isnan(scores)
    count = np.zeros(results.questions.clusters)
    total, squares = count.copy(), count.copy()
    for score, known in zip(scores, there, strict=True):
        np.add.at(count, cluster[known], 1)
        np.add.at(total, cluster[known], score[known])
        np.add.at(squares, cluster[known], score[known] ** 2)
    size = np.maximum(count, 1)
    return np.asarray(np.sqrt(np.maximum(squares / size - (total / size) ** 2, 0)))
