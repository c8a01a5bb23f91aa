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
from alignbench.schemas.rows import Task
from alignbench.schemas.vocabulary import Purpose, TaskState

_POLL_SECONDS = 0.5


@dataclass
class Settlement:
    """What was found out about a project.

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


def needs_settling(server: LabelStudioServer, ledger: Ledger, project_id: int) -> bool:
    """Tells whether a project has open intents, or another number of tasks than is confirmed."""
    project = ledger.projects[project_id]
    return bool(project.open) or _task_count(server, ledger, project_id) != project.confirmed


def settle_project(
    server: LabelStudioServer, ledger: Ledger, project_id: int, stable_seconds: float
) -> Settlement:
    """Lists a project and finds out which sentences are in it; duplicates are removed.

    Of several tasks of one sentence those that somebody answered stay (their answers count for the
    sentence), or else one. The ledger is brought up to date; the rows are the caller's to write.

    Args:
        server: The server.
        ledger: The round's tasks.
        project_id: The project.
        stable_seconds: While sentences are missing, how long the number of tasks must not change
            before they count as not arrived.

    Raises:
        MissingProjectError: Tasks of it are confirmed and it is not there.
    """
    ledger.version += 1
    _wait_until_stable(server, ledger, project_id, stable_seconds)
    known = _KnownTasks(ledger, project_id)
    listed = _listed(server, project_id)
    of_sentence: dict[str, list[ListedTask]] = {}
    for task in listed:
        if task.sentence_id in known.purposes:
            of_sentence.setdefault(task.sentence_id, []).append(task)
    elsewhere = ledger.confirmed_elsewhere(project_id, list(of_sentence))
    found = Settlement()
    gone = known.confirmed.keys() - {task.task_id for task in listed}
    for sentence_id, tasks in of_sentence.items():
        extra = _extra(tasks, known.confirmed, sentence_id in elsewhere)
        removed = {task.task_id for task in extra if server.delete_unanswered(task.task_id)}
        found.removed += len(removed)
        gone |= removed & known.confirmed.keys()
        found.confirmed += [
            ledger.confirmed(project_id, task.task_id, sentence_id, known.purposes[sentence_id])
            for task in tasks
            if task.task_id not in removed and task.task_id not in known.confirmed
        ]
    found.retracted = [
        ledger.retracted(project_id, task_id, sentence_id, known.purposes[sentence_id])
        for task_id, sentence_id in known.confirmed.items()
        if task_id in gone
    ]
    ledger.settle(task.sentence_id for task in found.confirmed)
    project = ledger.projects[project_id]
    project.open.clear()
    project.confirmed = len(known.confirmed) + len(found.confirmed) - len(found.retracted)
    return found


class _KnownTasks:
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


def _extra(
    tasks: Sequence[ListedTask], confirmed: Mapping[int, str], is_elsewhere: bool
) -> list[ListedTask]:
    """Gives the unanswered tasks of one sentence that need not be there."""
    unanswered = [task for task in tasks if not task.answered]
    if is_elsewhere or len(unanswered) < len(tasks):
        return unanswered
    return sorted(unanswered, key=lambda task: (task.task_id not in confirmed, task.task_id))[1:]


def _listed(server: LabelStudioServer, project_id: int) -> list[ListedTask]:
    # A project that only intents know may have been deleted: then nothing of it has arrived.
    return list(server.listed_tasks(project_id)) if server.counts(project_id) else []


def _wait_until_stable(
    server: LabelStudioServer, ledger: Ledger, project_id: int, stable_seconds: float
) -> None:
    """Waits for an import that may still be at work, until all has come or nothing comes."""
    project = ledger.projects[project_id]
    complete = project.confirmed + len(project.open)
    last = _task_count(server, ledger, project_id)
    changed = time.monotonic()
    while project.open and last < complete and time.monotonic() - changed < stable_seconds:
        time.sleep(min(_POLL_SECONDS, stable_seconds / 4))
        count = _task_count(server, ledger, project_id)
        if count != last:
            last, changed = count, time.monotonic()


def _task_count(server: LabelStudioServer, ledger: Ledger, project_id: int) -> int:
    counts = server.counts(project_id)
    if counts is not None:
        return counts.tasks
    if not ledger.projects[project_id].confirmed:
        return 0
    raise MissingProjectError(
        f"Project {project_id} of round {ledger.round!r} is not on Label Studio at {server.url}.",
        "Somebody deleted it. If that was meant, run 'alignbench pull --accept-deletions': its "
        "answers then count as deleted and its sentences as not sent.",
    )
