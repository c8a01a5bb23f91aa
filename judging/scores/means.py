"""Mean scores by task and category, and the two means over all tasks, each under its own name.

The *macro* mean weighs every task alike: the published average of AlignMMBench is that. The
*row-weighted* mean weighs every question alike: the published script prints that. They differ by up
to .3 where tasks differ in size and difficulty. Tasks are fixed and questions are not, so each
interval comes from the clusters within tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignbench.judging.question_set import QuestionSet
from alignbench.judging.scores.judged import Judged
from alignbench.reporting.jackknife import Bools, Estimate, Floats, Sample, ratio_of_sums


@dataclass(frozen=True)
class Means:
    """Mean scores of one model. A figure without a scored answer is NaN.

    Attributes:
        by_task: In the order of the tasks.
        by_category: By name.
        macro: Unweighted mean of the task means.
        row_weighted: Mean over all scored answers.
    """

    by_task: tuple[Estimate, ...]
    by_category: dict[str, Estimate]
    macro: Estimate
    row_weighted: Estimate


def means_of(judged: Judged) -> Means:
    """Returns the mean scores of one model, with estimates over clusters.

    A category's mean is the unweighted mean of its tasks, as the macro mean is of all.
    """
    questions = judged.questions
    by_task = tuple(_task_mean(judged, task) for task in range(len(questions.tasks)))
    categories = dict.fromkeys(questions.categories)
    return Means(
        by_task,
        {name: _mean(by_task, questions.in_category(name).astype(float)) for name in categories},
        macro=_mean(by_task, task_weights(questions, judged.there, macro=True)),
        row_weighted=_mean(by_task, task_weights(questions, judged.there, macro=False)),
    )


def task_weights(questions: QuestionSet, rows: Bools, *, macro: bool) -> Floats:
    """Returns what each task counts in the macro or the row-weighted mean; they sum to one.

    Args:
        questions: All questions.
        rows: Which of them the mean is over.
        macro: Whether each task counts the same, or each question.
    """
    tasks = len(questions.tasks)
    if macro:
        return np.full(tasks, 1 / tasks)
    size = np.bincount(questions.task[rows], minlength=tasks).astype(np.float64)
    return np.asarray(size / max(size.sum(), 1))


def _task_mean(judged: Judged, task: int) -> Estimate:
    questions = judged.questions
    rows = judged.there & (questions.task == task)
    cluster, clusters = questions.cluster[rows], questions.clusters
    total = np.bincount(cluster, judged.score[rows], minlength=clusters).astype(np.float64)
    count = np.bincount(cluster, minlength=clusters).astype(np.float64)
    what = f"clusters of {questions.tasks[task]}"
    return ratio_of_sums(total, count, what, is_share=False)


def _mean(by_task: Sequence[Estimate], weights: Floats) -> Estimate:
    """Returns a weighted mean of figures whose clusters are apart; those of weight 0 do not count.

    Each task is a sample of its own, so that Satterthwaite's degrees of freedom are those of a
    stratified mean.
    """
    used = [(m, w) for m, w in zip(by_task, weights / (weights.sum() or 1), strict=True) if w > 0]
    if not used or any(np.isnan(mean.value) for mean, _ in used):
        return Estimate.unknown(len(by_task[0].left_out)) if by_task else Estimate.unknown(0)
    samples = tuple(
        Sample(weight * sample.influence, sample.there, sample.what)
        for mean, weight in used
        for sample in mean.samples
    )
    return Estimate(
        float(sum(weight * mean.value for mean, weight in used)),
        np.asarray(sum(weight * mean.left_out for mean, weight in used)),
        samples,
    )
