"""Mean scores by task and category, and the two means over all tasks."""

import math

import numpy as np
import pytest

from alignbench.judging.question_set import QuestionSet
from alignbench.judging.scores.judged import Judged, of_one_draw
from alignbench.judging.scores.means import means_of

ROWS = {
    "Description": 948, "Recognition": 600, "Counting": 366, "OCR": 300, "Meme": 342,
    "Knowledge": 358, "Reasoning": 300, "Chart": 360, "Problem": 354, "Comparison": 359,
    "Writing": 420, "Coherence": 181, "Incoherence": 90,
}  # fmt: skip
"""Rows of each task of AlignMMBench."""

# The published averages of two models, with task means made up to give them: larger tasks score
# higher, which is all that sets the two means apart.
PUBLISHED = {
    "Qwen2-VL 72B": (
        [7.72, 6.97, 6.47, 6.33, 6.42, 6.46, 6.33, 6.46, 6.45, 6.46, 6.59, 6.08, 5.88], 6.51, 6.73,
    ),
    "GPT-4o": (
        [8.00, 7.02, 6.36, 6.18, 6.29, 6.34, 6.18, 6.35, 6.33, 6.34, 6.51, 5.84, 5.59], 6.41, 6.70,
    ),
}  # fmt: skip


def questions_of(rows: dict[str, int], variants: int = 6) -> QuestionSet:
    task = np.repeat(np.arange(len(rows)), list(rows.values()))
    within = np.concatenate([np.arange(count) for count in rows.values()])
    _, cluster = np.unique(task * 10_000 + within // variants, return_inverse=True)
    return QuestionSet(tuple(rows), ("all",) * len(rows), task, cluster)


@pytest.mark.parametrize("model", PUBLISHED)
def test_macro_and_row_weighted_means_are_the_two_that_were_published(model: str) -> None:
    of_tasks, macro, row_weighted = PUBLISHED[model]
    questions = questions_of(ROWS)
    means = means_of(of_one_draw(questions, np.array(of_tasks)[questions.task]))
    assert round(means.macro.value, 2) == macro
    assert round(means.row_weighted.value, 2) == row_weighted
    assert [mean.value for mean in means.by_task] == pytest.approx(of_tasks)


def test_a_mean_leaves_out_unscored_answers_and_counts_them() -> None:
    questions = questions_of({"a": 8, "b": 4}, variants=2)
    draws = np.array([[5.0]] * 8 + [[9.0], [math.nan], [math.nan], [7.0]])
    answered = np.array([True] * 10 + [False, True])
    judged = Judged(questions, draws, answered)
    means = means_of(judged)
    assert [mean.value for mean in means.by_task] == [5, 8]
    assert (means.macro.value, means.row_weighted.value) == (6.5, pytest.approx(5.6))
    assert judged.counts() == (12, 11, 10)
    assert (judged.counts().unanswered, judged.counts().unjudged) == (1, 1)
    assert judged.counts_by_task() == [(8, 8, 8), (4, 3, 2)]


def test_a_task_without_a_scored_answer_leaves_the_macro_mean_open() -> None:
    questions = questions_of({"a": 8, "b": 4}, variants=2)
    means = means_of(of_one_draw(questions, np.array([5.0] * 8 + [math.nan] * 4)))
    assert math.isnan(means.macro.value)
    assert means.row_weighted.value == 5


def test_the_macro_means_interval_is_that_of_a_stratified_mean_of_clusters() -> None:
    random = np.random.default_rng(0)
    questions = questions_of({"a": 120, "b": 60}, variants=3)
    score = random.normal(5, 1, 180) + random.normal(0, 1, 60)[questions.cluster]
    macro = means_of(of_one_draw(questions, score)).macro
    of_cluster = score.reshape(60, 3).mean(axis=1)
    one, other = of_cluster[:40], of_cluster[40:]
    variance = (one.var(ddof=1) / 40 + other.var(ddof=1) / 20) / 4
    assert macro.standard_error() == pytest.approx(math.sqrt(variance), rel=0.03)
    assert 19 < macro.degrees_of_freedom() < 58


def test_a_category_is_the_unweighted_mean_of_its_tasks() -> None:
    questions = questions_of({"a": 8, "b": 4, "c": 6}, variants=2)
    questions = QuestionSet(questions.tasks, ("x", "x", "y"), questions.task, questions.cluster)
    means = means_of(of_one_draw(questions, np.array([2.0, 4.0, 9.0])[questions.task]))
    assert {name: mean.value for name, mean in means.by_category.items()} == {"x": 3, "y": 9}


def test_draws_of_the_judge_are_averaged_before_all_else() -> None:
    questions = questions_of({"a": 2}, variants=2)
    draws = np.array([[4.0, 6.0], [8.0, math.nan]])
    judged = Judged(questions, draws, np.array([True, True]))
    assert judged.score.tolist() == [5, 8]
    assert judged.noise_variance[0] == 1
    assert math.isnan(judged.noise_variance[1])
