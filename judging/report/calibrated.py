"""The sections about calibrated means: what people's ratings of a sample make of a judge's scores.

Beside each figure stands what people alone say; a figure that cannot be trusted is null, with why.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np

from alignbench.judging.calibration.calibrate import Figure, JudgedAndRated, calibrate, compare
from alignbench.judging.calibration.plan import expected_after
from alignbench.judging.calibration.raters import rater_report
from alignbench.judging.calibration.stratified import FEWEST_RATINGS, Estimand
from alignbench.judging.report.parts import Part, Row, number_cell, table_of
from alignbench.judging.report.results import Answerer, JudgeFacts, RatedByPeople, Results

_OVERALL: Final = ("macro", "row-weighted")
_MORE: Final = (1.0, 1.5, 2.0, 3.0, 4.0)
"""How many times the ratings that there are."""

_METHOD: Final = (
    "Scores of all answers, put right by people's ratings of a sample that was drawn by chance "
    "(prediction-powered inference); `people` is what the ratings say without the judge. "
    "`reliance` is how far the judge is relied on, from 0 to 1."
)


def calibrated_parts(results: Results) -> list[Part]:
    """Returns the sections that ratings of a drawn sample make possible; none without them."""
    rated = results.rated
    if rated is None or not len(rated.ratings.rating):
        return []
    return [
        _overall(results, rated),
        _by_task(results, rated),
        _differences(results, rated),
        _more_ratings(results, rated),
        _raters(rated),
    ]


def judged_and_rated(
    results: Results, rated: RatedByPeople, answerer: Answerer, judge: JudgeFacts
) -> JudgedAndRated:
    """Returns what a judge said of a model's answers, and people of those that were drawn."""
    answers = results.answers[answerer]
    return JudgedAndRated(
        answers.answered & rated.inside,
        results.judged(answerer, judge).score,
        np.where(rated.sample.drawn & rated.inside, answers.people, np.nan),
        rated.rating_variance.get(answerer, np.zeros(len(results.questions))),
    )


def _overall(results: Results, rated: RatedByPeople) -> Part:
    rows: list[Row] = []
    for judge, answerer, scores in _rated_models(results, rated):
        for estimand in Estimand:
            found = calibrate(results.questions, rated.sample, scores, estimand, only=_OVERALL)
            rows += [
                {
                    "judge": judge.name,
                    "model": answerer.label,
                    "holds for": estimand.value,
                    **_cells(figure),
                    "reliance": found.reliance,
                }
                for figure in found.figures
            ]
    notes = ["Figures are null where too little was rated: see `why null`."]
    if not rated.inside.all():
        later = int(np.count_nonzero(~rated.inside))
        notes.append(f"{later:,} questions came after the sample was drawn, and are in no figure.")
    return Part(
        "calibrated",
        "Calibrated means",
        f"{_METHOD} These questions: what people would say on average of these very answers; "
        "questions like these: also for other questions of the tasks.",
        table_of(rows),
        notes if any(row["why null"] for row in rows) else notes[1:],
    )


def _by_task(results: Results, rated: RatedByPeople) -> Part:
    rows = [
        {"judge": judge.name, "model": answerer.label, **_cells(figure)}
        for judge, answerer, scores in _rated_models(results, rated)
        for figure in calibrate(
            results.questions, rated.sample, scores, Estimand.THESE_QUESTIONS
        ).figures
        if figure.name not in _OVERALL
    ]
    return Part(
        "calibrated_by_task",
        "Calibrated means by category and task",
        f"{_METHOD} For these questions.",
        table_of(rows),
    )


def _differences(results: Results, rated: RatedByPeople) -> Part:
    rows = []
    for judge in results.judges:
        models = [(one, scores) for of, one, scores in _rated_models(results, rated) if of == judge]
        for (one, first), (other, second) in combinations(models, 2):
            figures = compare(
                results.questions, rated.sample, first, second, Estimand.THESE_QUESTIONS
            )
            macro = next(figure for figure in figures if figure.name == "macro")
            rows.append(
                {
                    "judge": judge.name,
                    "model": one.label,
                    "other": other.label,
                    **_cells(macro, "difference"),
                }
            )
    return Part(
        "differences",
        "Differences between models",
        "By how much the macro mean of `model` lies above that of `other`, over the questions that "
        "both answered and people rated of both, for these questions. An interval that holds 0 "
        "does not tell which is better.",
        table_of(rows),
    )


def _more_ratings(results: Results, rated: RatedByPeople) -> Part:
    rows = []
    for judge, answerer, scores in _rated_models(results, rated):
        there = int(np.count_nonzero(~np.isnan(scores.people) & scores.answered))
        if there < FEWEST_RATINGS:
            continue
        reliance = calibrate(
            results.questions, rated.sample, scores, Estimand.THESE_QUESTIONS, only=["macro"]
        ).reliance
        counts = sorted({min(round(there * more), len(results.questions)) for more in _MORE})
        residual = scores.parts(results.questions, reliance).residual
        rows += [
            {
                "judge": judge.name,
                "model": answerer.label,
                "rated answers": expected.ratings,
                "width": number_cell(expected.calibrated),
                "width by people alone": number_cell(expected.people_only),
            }
            for expected in expected_after(results.questions, residual, scores.people, counts)
        ]
    return Part(
        "more_ratings",
        "What more ratings would buy",
        "How wide the interval of the macro mean can be expected to be with so many rated answers "
        "of each model, drawn in proportion to the tasks, judging by the ratings that there are. "
        "The first line of a model is what there is.",
        table_of(rows),
    )


def _raters(rated: RatedByPeople) -> Part:
    ratings, report = rated.ratings, rater_report(rated.ratings)
    rows = [
        {
            "rater": f"R{number + 1}",
            "ratings": int(np.count_nonzero(ratings.rater == rater)),
            "mean rating": float(ratings.rating[ratings.rater == rater].mean()),
            "strictness": number_cell(float(report.strictness[number])),
        }
        for number, rater in enumerate(np.unique(ratings.rater))
    ]
    variance = report.within_variance
    spread = "not known" if variance is None else f"{variance:.3f}"
    return Part(
        "raters",
        "The people who rated",
        f"{report.raters} people gave {report.ratings:,} ratings; {report.rated_twice:.0%} of the "
        "rated answers have two or more. Variance of ratings of one answer: "
        f"{spread}. `strictness` is by how much a person's ratings lie above the mean of the "
        "answers that they rated together with others.",
        table_of(rows),
        report.shortcomings,
    )


def _rated_models(
    results: Results, rated: RatedByPeople
) -> Iterator[tuple[JudgeFacts, Answerer, JudgedAndRated]]:
    """Yields the models of which people rated any answer, by each judge that scored any."""
    for judge in results.judges:
        for answerer in results.seeing:
            scores = judged_and_rated(results, rated, answerer, judge)
            if not np.isnan(scores.people).all() and not np.isnan(scores.judge).all():
                yield judge, answerer, scores


def _cells(figure: Figure, value: str = "mean") -> Row:
    calibrated, people = figure.calibrated, figure.people_only
    return {
        "figure": figure.name,
        value: calibrated.value,
        f"{value}_low": calibrated.low,
        f"{value}_high": calibrated.high,
        "people": people.value,
        "people_low": people.low,
        "people_high": people.high,
        "rated answers": figure.ratings,
        "rated clusters": figure.clusters,
        "why null": calibrated.why_null or people.why_null or "",
    }
