"""What the last pull of a project read, so that the next one need not read it again.

A pull looks back some minutes from the last one, and most of what it lists there it has read
before. A task is left alone if both its time on the server and what the tables know of its answers
are as they were after that reading. Without the file, with an old one, or where the tables are not
as that pull left them, a pull reads more and finds the same.
"""

import json
from datetime import datetime, timedelta

from alignbench.annotation.label_studio.records import ChangedTask, as_instant, as_object
from alignbench.annotation.projects import Project
from alignbench.annotation.pulling.known_answers import KnownAnswers
from alignbench.workspace.errors import ObjectNotFoundError

_Mark = list[str | int]
_UNFINISHED = b'{"unfinished": true}'


class ReadTasks:
    """The tasks of one project that have been read and of which all is known.

    Attributes:
        unfinished: Whether the last pull set out to read the whole project and did not finish.
    """

    def __init__(self, project: Project) -> None:
        """Reads what the last pull left; a file that cannot be understood counts as none."""
        self._store = project.workspace.store
        self._key = f"cache/pull/{project.server}-{project.project_id}.json"
        self._file = self._read()
        self.unfinished = self._file.get("unfinished") is True
        self._marks = as_object(self._file.get("tasks")) or {}

    def since(self, known: KnownAnswers, look_back: timedelta) -> datetime | None:
        """Returns the time since which changes must be read; None if everything must.

        Args:
            known: What the tables know.
            look_back: How far to go back: from the last pull, or, where the tables are not as it
                left them, from the newest answer that is known.
        """
        if self.unfinished:
            return None
        last = known.newest
        if self._file.get("state") == _state(known):
            last = as_instant(self._file.get("at")) or last
        return None if last is None else last - look_back

    def begin_whole(self) -> None:
        """Notes that the whole project is being read, until `keep` is called."""
        if not self.unfinished:
            self._store.write(self._key, _UNFINISHED)
        self.unfinished = True

    def has(self, task: ChangedTask, known: KnownAnswers) -> bool:
        """Tells whether reading this task would bring nothing new."""
        mark = _mark(task, known)
        return mark is not None and self._marks.get(str(task.task_id)) == mark

    def keep(self, listed: list[ChangedTask], known: KnownAnswers, at: datetime | None) -> None:
        """Keeps the tasks of a listing that were read, for the next pull.

        Args:
            listed: Tasks as they were listed before they were read.
            known: What the tables know of their answers, all of it written.
            at: When, by the server's clock, the listing began; None if that is unknown.
        """
        marks = {str(task.task_id): _mark(task, known) for task in listed}
        file = {
            "at": None if at is None else at.isoformat(),
            "state": _state(known),
            "tasks": {task_id: mark for task_id, mark in marks.items() if mark is not None},
        }
        self._store.write(self._key, json.dumps(file).encode())
        self.unfinished = False

    def _read(self) -> dict[str, object]:
        try:
            return as_object(json.loads(self._store.read(self._key))) or {}
        except (ObjectNotFoundError, ValueError, RecursionError):
            return {}


def _state(known: KnownAnswers) -> _Mark:
    """Returns what tells the tables from what they were at another time."""
    return ["" if known.newest is None else known.newest.isoformat(), known.count()]


def _mark(task: ChangedTask, known: KnownAnswers) -> _Mark | None:
    """Returns what must be the same next time; None if the task must be read in any case."""
    answers = known.settled_answers(task.task_id)
    if not answers:
        return None
    newest = max(answer.updated_at for answer in answers)
    return [task.updated_at.isoformat(), newest.isoformat(), len(answers)]
