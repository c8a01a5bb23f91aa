"""The sections of a report, each with its table: how good, how consistent, how well judged."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from alignbench.judging.report.calibrated import calibrated_parts
from alignbench.judging.report.parts import (
    INTERVALS,
    Part,
    Row,
    estimate_cells,
    interval_cells,
    number_cell,
    table_of,
)
from alignbench.judging.report.results import Answerer, JudgeFacts, Results
from alignbench.judging.report.rewriting import rewriting_part
from alignbench.judging.scores.agreement import Agreement, agreement_by_task, agreement_of
from alignbench.judging.scores.alignment import alignment_of
from alignbench.judging.scores.judged import Judged
from alignbench.judging.scores.means import means_of


def sections(results: Results) -> list[Part]:
    """Returns all sections, those that have nothing to say left out."""
    parts = [
        _leaderboard(results),
        *calibrated_parts(results),
        _categories(results),
        _tasks(results),
        _readings(results),
        _people(results),
        _people_by_task(results),
        _judges(results),
        _blind(results),
        *([rewriting_part(results.rewritten)] if results.rewritten is not None else []),
    ]
    return [part for part in parts if len(part.table) or part.name == "leaderboard"]


def _leaderboard(results: Results) -> Part:
    rows = []
    for judge, answerer, judged in _seeing(results):
        means, alignment = means_of(judged), alignment_of(judged, judge.scale)
        counts = judged.counts()
        rows.append(
            {
                "judge": judge.name,
                "model": answerer.label,
                **estimate_cells("macro", means.macro),
                **estimate_cells("row-weighted", means.row_weighted),
                **estimate_cells("consistency", alignment.consistency),
                "within_sd": alignment.within_sd,
                **interval_cells("within_sd", alignment.within_sd_interval),
                "alignment": alignment.alignment,
                **interval_cells("alignment", alignment.alignment_interval),
                "within_sd_without_judge": alignment.without_judge_noise.within_sd,
                "alignment_without_judge": alignment.without_judge_noise.alignment,
                "clusters_compared": alignment.clusters,
                "share_without_variance": number_cell(alignment.without_variance.value),
                "questions": counts.questions,
                "unanswered": counts.unanswered,
                "unjudged": counts.unjudged,
            }
        )
    order = [judge.name for judge in results.judges]
    rows.sort(key=lambda row: (order.index(row["judge"]), -(row["macro"] or 0)))
    notes = []
    if any(row["unanswered"] or row["unjudged"] for row in rows):
        notes.append("Figures are over judged answers only: see unanswered and unjudged.")
    if any(row["macro"] is None for row in rows):
        notes.append("A macro mean is null where a task has no judged answer.")
    return Part(
        "leaderboard",
        "Leaderboard",
        "`macro` is the unweighted mean of the task means, `row-weighted` the mean over all judged "
        "answers. `within_sd` is the root of the mean over clusters of the variance of their "
        "scores; `alignment` its inverse, which rises with the level alone; `consistency` does "
        f"not. {INTERVALS}",
        table_of(rows),
        notes,
    )


def _categories(results: Results) -> Part:
    rows = [
        {
            "judge": judge.name,
            "model": answerer.label,
            "category": category,
            **estimate_cells("mean", mean),
        }
        for judge, answerer, judged in _seeing(results)
        for category, mean in means_of(judged).by_category.items()
    ]
    method = f"Unweighted means of the tasks of each category. {INTERVALS}"
    return Part("categories", "By category", method, table_of(rows))


def _tasks(results: Results) -> Part:
    rows: list[Row] = []
    for judge, answerer, judged in _seeing(results):
        by_task = zip(
            results.questions.tasks, means_of(judged).by_task, judged.counts_by_task(), strict=True
        )
        rows += [
            {
                "judge": judge.name,
                "model": answerer.label,
                "task": task,
                **estimate_cells("mean", mean),
                "questions": counts.questions,
                "unanswered": counts.unanswered,
                "unjudged": counts.unjudged,
            }
            for task, mean, counts in by_task
        ]
    return Part("tasks", "By task", f"Means over judged answers. {INTERVALS}", table_of(rows))


def _readings(results: Results) -> Part:
    rows = []
    for judge, answerer, judged in _seeing(results):
        readings = alignment_of(judged, judge.scale).readings
        if readings.inverse_of_mean_sd is not None:
            rows.append({"judge": judge.name, "model": answerer.label, **readings._asdict()})
    return Part(
        "readings",
        "Readings of the published alignment score",
        "AlignMMBench's formula was never published; these are what its words can be read as. "
        "Means of inverses are over clusters with variance only.",
        table_of(rows),
    )


def _people(results: Results) -> Part:
    rows = []
    for judge in results.judges:
        for answerer, answers in results.answers.items():
            score = results.judged(answerer, judge).score
            found = agreement_of(score, answers.people, results.questions.cluster)
            if found.answers:
                rows.append({"judge": judge.name, "model": answerer.label, **_agreement(found)})
    return Part("people", "Judge against people", _AGREEMENT, table_of(rows))


def _people_by_task(results: Results) -> Part:
    rows = []
    for judge in results.judges:
        for answerer, answers in results.answers.items():
            score = results.judged(answerer, judge).score
            by_task = agreement_by_task(results.questions, score, answers.people)
            rows += [
                {"judge": judge.name, "model": answerer.label, "task": task, **_agreement(found)}
                for task, found in by_task.items()
                if found.answers
            ]
    return Part("people_by_task", "Judge against people, by task", _AGREEMENT, table_of(rows))


_AGREEMENT = (
    "Over answers that people rated, d = judge - mean rating: `mae` is the mean of |d|, `bias` of "
    "d, `exact` the share with d = 0, `within_one` with |d| at most 1; correlations are over "
    f"answers. {INTERVALS}"
)


def _judges(results: Results) -> Part:
    rows = []
    for one, other in combinations(results.judges, 2):
        for answerer in results.answers:
            found = agreement_of(
                results.judged(answerer, one).score,
                results.judged(answerer, other).score,
                results.questions.cluster,
            )
            if found.answers:
                names = {"judge": one.name, "other": other.name, "model": answerer.label}
                rows.append(names | _agreement(found))
    return Part(
        "judges",
        "Judges among themselves",
        f"As judge against people, with another judge in their place. {INTERVALS}",
        table_of(rows),
    )


def _blind(results: Results) -> Part:
    rows = []
    for judge in results.judges:
        for answerer in results.answers:
            seeing = answerer._replace(blind=False)
            if not answerer.blind or seeing not in results.answers:
                continue
            both = [results.judged(one, judge) for one in (seeing, answerer)]
            there = both[0].there & both[1].there
            shown, hidden = (
                means_of(Judged(one.questions, np.where(there[:, None], one.draws, np.nan),
                                one.answered))
                for one in both
            )  # fmt: skip
            names = ["macro", *results.questions.tasks]
            figures = zip(
                names,
                [shown.macro, *shown.by_task],
                [hidden.macro, *hidden.by_task],
                strict=True,
            )
            rows += [
                {
                    "judge": judge.name,
                    "model": answerer.model,
                    "figure": name,
                    "seeing": number_cell(sighted.value),
                    "blind": number_cell(unsighted.value),
                    **estimate_cells("gain", sighted - unsighted),
                }
                for name, sighted, unsighted in figures
                if not np.isnan(sighted.value)
            ]
    return Part(
        "blind",
        "Blind against seeing",
        "The same model without the image, over questions of which both answers are judged. Where "
        f"`gain` is small, the questions tell little of what a model sees. {INTERVALS}",
        table_of(rows),
    )


def _seeing(results: Results) -> Iterator[tuple[JudgeFacts, Answerer, Judged]]:
    for judge in results.judges:
        for answerer in results.seeing:
            judged = results.judged(answerer, judge)
            if judged.there.any():
                yield judge, answerer, judged


def _agreement(found: Agreement) -> Row:
    row: Row = {"answers": found.answers}
    for name in ("mae", "bias", "pearson", "spearman", "kendall", "within_one", "exact"):
        row |= estimate_cells(name, getattr(found, name))
    return row
