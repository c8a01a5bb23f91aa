"""Bringing table `tasks` and a project on the server into agreement.

The server accepts the same task twice, and a POST whose answer was lost may have been carried out,
or be carried out a moment later. So before anything is sent again, the project's tasks are listed
and matched by the sentence id in their data.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alignbench.annotation.errors import MissingProjectError
from alignbench.annotation.label_studio.records import ListedTask
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pushing.ledger import Ledger
from alignbench.schemas.fence import Fence
from alignbench.schemas.rows import Task
from alignbench.schemas.vocabulary import Purpose, TaskState

_POLL_SECONDS = 0.5


@dataclass
class ReconciledProject:
    """What a project on the server was found to hold beyond, or short of, what the table says.

    Attributes:
        confirmed: Rows of tasks that are on the server and were not confirmed.
        retracted: Rows of tasks that were confirmed and are gone.
        removed: How many tasks were deleted because their sentence was there twice.
    """

    confirmed: list[Task] = field(default_factory=list)
    retracted: list[Task] = field(default_factory=list)
    removed: int = 0

    @property
    def rows(self) -> list[Task]:
        """All rows to be written."""
        return [*self.confirmed, *self.retracted]


class Reconciler:
    """Reconciles the projects of one round, one at a time."""

    def __init__(
        self, server: LabelStudioServer, ledger: Ledger, stable_seconds: float, fence: Fence
    ) -> None:
        """Notes what to work with.

        Args:
            server: The server.
            ledger: The round's tasks; it is brought up to date.
            stable_seconds: While sentences are missing, how long the number of tasks must not
                change before they count as not arrived.
            fence: Asked before a task is deleted.
        """
        self._server = server
        self._ledger = ledger
        self._stable_seconds = stable_seconds
        self._fence = fence

    def is_needed(self, project_id: int) -> bool:
        """Tells whether a project has open intents, doubles, or more or fewer tasks than confirmed.

        Raises:
            MissingProjectError: Tasks of it are confirmed and it is not there.
        """
        project = self._ledger.projects[project_id]
        count = self._task_count(project_id)
        return bool(project.open) or project.has_doubles or count != project.confirmed

    def reconcile(self, project_id: int) -> ReconciledProject:
        """Lists a project and finds out which sentences are in it; duplicates are removed.

        Of several tasks of one sentence those that somebody answered stay (their answers count for
        the sentence), or else one. The rows are the caller's to write.

        Raises:
            MissingProjectError: Tasks of it are confirmed and it is not there.
        """
        ledger = self._ledger
        ledger.version += 1
        self._wait_until_stable(project_id)
        in_table = _TasksInTable(ledger, project_id)
        listed = self._listed(project_id)
        of_sentence: dict[str, list[ListedTask]] = {}
        for task in listed:
            if task.sentence_id in in_table.purposes:
                of_sentence.setdefault(task.sentence_id, []).append(task)
        removed = self._remove_duplicates(project_id, of_sentence, in_table)
        there = {task.task_id for task in listed} - removed
        result = ReconciledProject(removed=len(removed))
        for sentence_id, tasks in of_sentence.items():
            purpose = in_table.purposes[sentence_id]
            new = there.intersection(task.task_id for task in tasks) - in_table.confirmed.keys()
            result.confirmed += [
                ledger.confirmed(project_id, task_id, sentence_id, purpose)
                for task_id in sorted(new)
            ]
        result.retracted = [
            ledger.retracted(project_id, task_id, sentence_id, in_table.purposes[sentence_id])
            for task_id, sentence_id in in_table.confirmed.items()
            if task_id not in there
        ]
        ledger.settle(task.sentence_id for task in result.confirmed)
        project = ledger.projects[project_id]
        project.open.clear()
        project.confirmed = len(in_table.confirmed) + len(result.confirmed) - len(result.retracted)
        return result

    def _remove_duplicates(
        self,
        project_id: int,
        of_sentence: Mapping[str, Sequence[ListedTask]],
        in_table: "_TasksInTable",
    ) -> set[int]:
        """Deletes the tasks that need not be there; returns the ids of those that are gone."""
        elsewhere = self._ledger.confirmed_elsewhere(project_id, list(of_sentence))
        removed: set[int] = set()
        for sentence_id, tasks in of_sentence.items():
            for task in _superfluous(tasks, in_table.confirmed, sentence_id in elsewhere):
                self._fence()
                if self._server.delete_unanswered(task.task_id):
                    removed.add(task.task_id)
        return removed

    def _listed(self, project_id: int) -> list[ListedTask]:
        # A project that only intents know may have been deleted: then nothing of it has arrived.
        there = self._server.counts(project_id) is not None
        return list(self._server.listed_tasks(project_id)) if there else []

    def _wait_until_stable(self, project_id: int) -> None:
        """Waits for an import that may still be at work, until all has come or nothing comes."""
        project = self._ledger.projects[project_id]
        complete = project.confirmed + len(project.open)
        last = self._task_count(project_id)
        changed = time.monotonic()
        while (
            project.open and last < complete and time.monotonic() - changed < self._stable_seconds
        ):
            time.sleep(min(_POLL_SECONDS, self._stable_seconds / 4))
            count = self._task_count(project_id)
            if count != last:
                last, changed = count, time.monotonic()

    def _task_count(self, project_id: int) -> int:
        counts = self._server.counts(project_id)
        if counts is not None:
            return counts.tasks
        if not self._ledger.projects[project_id].confirmed:
            return 0
        raise MissingProjectError(
            f"Project {project_id} of round {self._ledger.round!r} is not on Label Studio at "
            f"{self._server.url}.",
            "Somebody deleted it. Run 'alignbench pull --keep-answers' to keep what was pulled of "
            "it, or 'pull --accept-deletions' if its answers are to count as deleted.",
        )


class _TasksInTable:
    """What the table has of one project: sentences by confirmed task, purposes by sentence."""

    def __init__(self, ledger: Ledger, project_id: int) -> None:
        self.confirmed: dict[int, str] = {}
        self.purposes: dict[str, Purpose] = {}
        rows = ledger.tasks_of(project_id)
        columns = (rows[name].to_pylist() for name in rows.column_names)
        for task_id, sentence_id, purpose, state in zip(*columns, strict=True):
            self.purposes[sentence_id] = Purpose(purpose)
            if state == TaskState.CONFIRMED:
                self.confirmed[task_id] = sentence_id


def _superfluous(
    tasks: Sequence[ListedTask], confirmed: Mapping[int, str], is_elsewhere: bool
) -> list[ListedTask]:
    """Returns the unanswered tasks of one sentence that need not be there."""
    unanswered = [task for task in tasks if not task.answered]
    if is_elsewhere or len(unanswered) < len(tasks):
        return unanswered
    return sorted(unanswered, key=lambda task: (task.task_id not in confirmed, task.task_id))[1:]
