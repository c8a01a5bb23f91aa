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
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.vocabulary import Purpose, TaskState

_POLL_SECONDS = 0.5


@dataclass
class ReconciledProject:
    """What a project on the server was found to hold beyond, or short of, what the table says.

    Attributes:
        confirmed: Rows of tasks that are on the server and were not confirmed.
        retracted: Rows of tasks that were on the server and are gone.
        closed: Rows of tasks whose sentence is there a second time.
    """

    confirmed: list[Task] = field(default_factory=list)
    retracted: list[Task] = field(default_factory=list)
    closed: list[Task] = field(default_factory=list)

    @property
    def rows(self) -> list[Task]:
        """All rows to be written."""
        return [*self.confirmed, *self.retracted, *self.closed]


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
            fence: Asked before a task is closed or opened.
        """
        self._server = server
        self._ledger = ledger
        self._stable_seconds = stable_seconds
        self._fence = fence

    def is_needed(self, project_id: int) -> bool:
        """Tells whether a project has open intents, doubles, or more or fewer tasks than are known.

        Raises:
            MissingProjectError: Tasks of it are confirmed and it is not there.
        """
        project = self._ledger.projects[project_id]
        count = self._task_count(project_id)
        return bool(project.open) or project.has_doubles or count != project.there

    def reconcile(self, project_id: int) -> ReconciledProject:
        """Lists a project and finds out which sentences are in it; doubles are closed.

        Of several tasks of one sentence those that somebody answered stay open (their answers count
        for the sentence), or else one. None is deleted: somebody may have it open, and what they
        submit counts. The rows are the caller's to write.

        Raises:
            MissingProjectError: Tasks of it are confirmed and it is not there.
        """
        ledger = self._ledger
        ledger.version += 1
        self._wait_until_stable(project_id)
        in_table = _TasksInTable(ledger, project_id)
        listed = self._listed(project_id)
        ours = [task for task in listed if task.sentence_id in in_table.purposes]
        doubles = self._doubles(project_id, ours, in_table)
        result = ReconciledProject()
        for task in ours:
            known = in_table.state_of.get(task.task_id)
            of_task = (project_id, task.task_id, str(task.sentence_id))
            purpose = in_table.purposes[str(task.sentence_id)]
            if task.task_id in doubles:
                self._offer(task, offered=False)
                if known is not TaskState.CLOSED:
                    result.closed.append(ledger.closed(*of_task, purpose))
            elif known is not TaskState.CONFIRMED:
                self._offer(task, offered=True)
                result.confirmed.append(ledger.confirmed(*of_task, purpose))
        there = {task.task_id for task in listed}
        result.retracted = [
            ledger.retracted(project_id, task_id, sentence_id, in_table.purposes[sentence_id])
            for task_id, sentence_id in in_table.sentence_of.items()
            if task_id not in there
        ]
        ledger.settle(task.sentence_id for task in result.confirmed)
        project = ledger.projects[project_id]
        project.open.clear()
        project.confirmed, project.closed = len(ours) - len(doubles), len(doubles)
        return result

    def _doubles(
        self, project_id: int, tasks: Sequence[ListedTask], in_table: "_TasksInTable"
    ) -> set[int]:
        """Returns the tasks that need not be answered, since another of their sentence is."""
        of_sentence: dict[str, list[ListedTask]] = {}
        for task in tasks:
            of_sentence.setdefault(str(task.sentence_id), []).append(task)
        elsewhere = self._ledger.confirmed_elsewhere(project_id, list(of_sentence))
        return {
            task.task_id
            for sentence_id, copies in of_sentence.items()
            for task in _superfluous(copies, in_table.state_of, sentence_id in elsewhere)
        }

    def _offer(self, task: ListedTask, *, offered: bool) -> None:
        """Closes a double, or opens what a run closed that could not write it down."""
        if task.is_offered != offered and not task.answered:
            self._fence()
            self._server.set_offered(task.task_id, offered=offered)

    def _listed(self, project_id: int) -> list[ListedTask]:
        # A project that only intents know may have been deleted: then nothing of it has arrived.
        there = self._server.counts(project_id) is not None
        return list(self._server.listed_tasks(project_id)) if there else []

    def _wait_until_stable(self, project_id: int) -> None:
        """Waits for an import that may still be at work, until all has come or nothing comes."""
        project = self._ledger.projects[project_id]
        complete = project.there + len(project.open)
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
    """What the table has of one project.

    Attributes:
        sentence_of: The sentences of the tasks that are there, by task.
        state_of: The states of these tasks: confirmed or closed.
        purposes: Why each sentence was sent, those included of which only the intent is known.
    """

    def __init__(self, ledger: Ledger, project_id: int) -> None:
        self.sentence_of: dict[int, str] = {}
        self.state_of: dict[int, TaskState] = {}
        self.purposes: dict[str, Purpose] = {}
        rows = ledger.tasks_of(project_id)
        columns = (rows[name].to_pylist() for name in rows.column_names)
        for task_id, sentence_id, purpose, state in zip(*columns, strict=True):
            self.purposes[sentence_id] = Purpose(purpose)
            if state != TaskState.INTENDED:
                self.sentence_of[task_id] = sentence_id
                self.state_of[task_id] = TaskState(state)


def _superfluous(
    tasks: Sequence[ListedTask], state_of: Mapping[int, TaskState], is_elsewhere: bool
) -> list[ListedTask]:
    """Returns the unanswered tasks of one sentence that need not be there."""
    unanswered = [task for task in tasks if not task.answered]
    if is_elsewhere or len(unanswered) < len(tasks):
        return unanswered
    order = {TaskState.CONFIRMED: 0, None: 1, TaskState.CLOSED: 2}
    return sorted(unanswered, key=lambda task: (order[state_of.get(task.task_id)], task.task_id))[
        1:
    ]
