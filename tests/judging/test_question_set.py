"""Rows of table `questions` as the columns that figures are computed over."""

from dataclasses import replace

from alignbench.judging.question_set import question_set
from alignbench.schemas.rows.questions import Question

QUESTION = Question(
    question_id="0", source="set", cluster="a", variant="0", task="OCR", category="See",
    language="en", image_name="a.png", image_id=None, history=(), prompt="?", reference="!",
    quirks=(), version=1,
)  # fmt: skip


def test_rows_keep_their_order_and_clusters_of_two_sets_stay_apart() -> None:
    found = question_set([
        QUESTION, replace(QUESTION, variant="1"), replace(QUESTION, source="other"),
        replace(QUESTION, cluster="b", task="Chart", category="Think"),
    ])  # fmt: skip
    assert found.tasks == ("Chart", "OCR")
    assert found.categories == ("Think", "See")
    assert found.task.tolist() == [1, 1, 1, 0]
    assert found.cluster.tolist() == [0, 0, 1, 2]
    assert found.task_of_cluster.tolist() == [1, 1, 0]
    assert found.questions_of_task.tolist() == [1, 3]


def test_no_question_is_no_column() -> None:
    found = question_set([])
    assert (len(found), found.clusters, found.tasks) == (0, 0, ())
