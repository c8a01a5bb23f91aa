"""Which questions there are, as columns: what models answer and figures are computed over."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alignbench.reporting.jackknife import Bools, Ints


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


def numbered(names: list[str]) -> tuple[tuple[str, ...], Ints]:
    """Returns the different names, sorted, and the number of each item's name among them."""
    different, number = np.unique(np.array(names, np.str_), return_inverse=True)
    return tuple(str(name) for name in different), number.astype(np.int64)
