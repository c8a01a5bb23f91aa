"""What the last pull of a project read, so that the next one need not read it again.

A pull looks back some minutes from the newest answer, and most of what it lists there it has read
before. A task is left alone if both its time on the server and what the tables know of its answers
are as they were after that reading. The file says no more than that: without it, or with an old
one, a pull reads more and finds the same.
"""

import json
from datetime import timedelta

from annotation.known import KnownAnswers
from annotation.label_studio.records import ChangedTask
from workspace.errors import ObjectNotFoundError
from workspace.workspace import Workspace

_Mark = list[str | int]


class ReadTasks:
    """The tasks of one project that have been read and of which all is known."""

    def __init__(self, workspace: Workspace, server: str, project_id: int) -> None:
        """Reads what the last pull left; a file that cannot be understood counts as none."""
        self._store = workspace.store
        self._key = f"cache/pull/{server}-{project_id}.json"
        self._marks = self._read()

    def has(self, task: ChangedTask, known: KnownAnswers) -> bool:
        """Tells whether reading this task would bring nothing new."""
        mark = _mark(task, known)
        return mark is not None and self._marks.get(str(task.task_id)) == mark

    def keep(self, listed: list[ChangedTask], known: KnownAnswers, span: timedelta) -> None:
        """Keeps the tasks of a listing that were read, for the next pull.

        Args:
            listed: Tasks as they were listed before they were read.
            known: What the tables know of their answers, all of it written.
            span: How far the next pull may look back from the newest of them.
        """
        if not listed:
            return
        since = max(task.updated_at for task in listed) - span
        recent = (task for task in listed if task.updated_at >= since)
        marks = {str(task.task_id): _mark(task, known) for task in recent}
        settled = {task_id: mark for task_id, mark in marks.items() if mark is not None}
        if settled != self._marks:
            self._store.write(self._key, json.dumps(settled).encode())

    def _read(self) -> dict[str, object]:
        try:
            marks = json.loads(self._store.read(self._key))
        except (ObjectNotFoundError, ValueError):
            return {}
        return marks if isinstance(marks, dict) else {}


def _mark(task: ChangedTask, known: KnownAnswers) -> _Mark | None:
    """Returns what must be the same next time; None if the task must be read in any case."""
    answers = known.settled_answers(task.task_id)
    if not answers:
        return None
    newest = max(answer.updated_at for answer in answers)
    return [task.updated_at.isoformat(), newest.isoformat(), len(answers)]
