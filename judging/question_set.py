"""Which questions there are, as columns: what models answer and figures are computed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alignbench.reporting.jackknife import Bools, Ints
from alignbench.schemas.rows.questions import Question


@dataclass(frozen=True)
class QuestionSet:
    """Questions in the order of all columns that speak of them.

    Attributes:
        tasks: Names of the tasks.
        categories: The category of each task.
        task: Of each question, the number of its task; shape (questions,).
        cluster: Of each question, the number of its cluster, from 0 without a gap. The variants of
            one question are a cluster; they share image, reference and task.
    """

    tasks: tuple[str, ...]
    categories: tuple[str, ...]
    task: Ints
    cluster: Ints

    def __len__(self) -> int:
        """Returns how many questions there are."""
        return len(self.task)

    @cached_property
    def clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max(initial=-1)) + 1

    @cached_property
    def task_of_cluster(self) -> Ints:
        """The number of each cluster's task; shape (clusters,)."""
        found = np.zeros(self.clusters, np.int64)
        found[self.cluster] = self.task
        return found

    @cached_property
    def questions_of_task(self) -> Ints:
        """How many questions each task has; shape (tasks,)."""
        return np.bincount(self.task, minlength=len(self.tasks))

    def in_category(self, category: str) -> Bools:
        """Tells of each task whether it is of this category; shape (tasks,)."""
        return np.array([category == of_task for of_task in self.categories], np.bool_)


def question_set(rows: Sequence[Question]) -> QuestionSet:
    """Returns the questions of table `questions` as columns, in the order of the rows.

    Tasks come in the order of their names, and clusters of different sources are different ones.
    """
    category_of_task = {row.task: row.category for row in rows}
    tasks = sorted(category_of_task)
    number_of_task = {name: number for number, name in enumerate(tasks)}
    number_of_cluster: dict[tuple[str, str], int] = {}
    cluster = [
        number_of_cluster.setdefault((row.source, row.cluster), len(number_of_cluster))
        for row in rows
    ]
    return QuestionSet(
        tuple(tasks),
        tuple(category_of_task[name] for name in tasks),
        np.array([number_of_task[row.task] for row in rows], np.int64),
        np.array(cluster, np.int64),
    )
