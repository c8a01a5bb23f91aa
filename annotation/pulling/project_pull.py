"""Pulling one project: what changed since the last pull, in the order in which it changed.

Rows are written in that order, so that whatever a kill leaves written, everything older is written
too. An answer that is known in its version is not written again.

Deleting an answer moves its task; deleting a task leaves no trace. So the numbers of answers are
compared in the end, and a project in which they differ is read whole, as one is of which nothing is
known: in order of ids, which takes a server no longer than an export. That it was begun is noted,
so that after a kill the next pull reads it whole again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from alignbench.annotation.errors import MissingProjectError
from alignbench.annotation.label_studio.records import (
    AnsweredTask,
    ChangedTask,
    ProjectCounts,
    as_object,
)
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pulling.known_answers import KnownAnswers, retired_answers
from alignbench.annotation.pulling.read_tasks import ReadTasks
from alignbench.annotation.pulling.sent_tasks import SentTasks
from alignbench.annotation.pulling.validation import (
    TaskOnServer,
    annotator_of,
    answer_id_of,
    answer_time_of,
    validate,
)
from alignbench.annotation.rounds.withdrawal import emptied, withdrawn_annotators
from alignbench.schemas.rows import Annotation, QuarantinedAnnotation
from alignbench.schemas.tables import ANNOTATIONS, QUARANTINE
from alignbench.workspace.workspace import Workspace

COMMIT_ANSWERS = 10_000
"""Answers of one commit."""
_READ_TASKS = 200
_SAVING = timedelta(seconds=5)
"""A server takes less from the time that it gives to a change until others can read it."""


@dataclass
class PulledProject:
    """What a pull found in one project, in answers.

    Attributes:
        project_id: The project.
        known: Answers that were known to be on the server before.
        new: Written for the first time.
        updated: Known, and written again because they were changed.
        unchanged: Read again and found as they were.
        quarantined: Of the new and updated ones those that went to quarantine, by code.
        deletions: Answers that are gone, and the versions of the rows that are to say so; not yet
            written.
    """

    project_id: int
    known: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    deletions: dict[int, datetime] = field(default_factory=dict)


def pull_project(
    workspace: Workspace,
    server: LabelStudioServer,
    project_id: int,
    before: ProjectCounts,
    annotators: Mapping[int, str],
    overlap: timedelta,
    run_id: str,
) -> PulledProject:
    """Pulls a project's answers and writes what is new; deletions are left to the caller.

    Args:
        workspace: Whose answers.
        server: Where they are.
        project_id: The project.
        before: What it held just now.
        annotators: Names of users by their id.
        overlap: How far to look back from the last pull.
        run_id: Stamped on the rows.

    Raises:
        MissingProjectError: It has just been deleted.
        AlignBenchError: The server cannot be asked.
    """
    reading = _Reading(workspace, server, project_id, annotators, overlap, run_id)
    known = reading.known
    if not before.answers and not known.count():
        return reading.found
    since = reading.since()
    if since is not None:
        reading.read_changes(since)
        if known.count() == before.answers:
            return reading.found
        after = reading.count_on_server()
        # Annotators may be at work: then the number lies between those before and after.
        if min(before.answers, after) <= known.count() <= max(before.answers, after):
            return reading.found
    reading.read_whole()
    return reading.found


class _Reading:
    """The state of reading one project: what is known, found, and waiting to be written."""

    def __init__(
        self,
        workspace: Workspace,
        server: LabelStudioServer,
        project_id: int,
        annotators: Mapping[int, str],
        overlap: timedelta,
        run_id: str,
    ) -> None:
        self.known = KnownAnswers(workspace, server.identity, project_id)
        self.found = PulledProject(project_id, known=self.known.count())
        self._read = ReadTasks(workspace, server.identity, project_id)
        self._workspace, self._server, self._run_id = workspace, server, run_id
        self._annotators, self._overlap = annotators, overlap
        self._withdrawn = withdrawn_annotators(workspace)
        self._rows: list[Annotation | QuarantinedAnnotation] = []
        self._retired: dict[int, datetime] = {}
        self._bereft: set[int] = set()
        self._just_read: dict[int, ChangedTask] = {}

    @cached_property
    def _sent(self) -> SentTasks:
        """Read where a task is to be read, which in an idle pull none is."""
        return SentTasks(self._workspace, self._server.identity, self.found.project_id)

    def count_on_server(self) -> int:
        counts = self._server.counts(self.found.project_id)
        if counts is None:
            raise MissingProjectError(
                f"Project {self.found.project_id} disappeared from Label Studio at "
                f"{self._server.url} while it was read.",
                "If that was meant, pull with --accept-deletions.",
            )
        return counts.answers

    def since(self) -> datetime | None:
        """Returns from when on changes are to be read; None if the whole project is."""
        return self._read.since(self.known, self._overlap)

    def read_whole(self) -> None:
        """Reads all tasks, then those that changed meanwhile."""
        project_id = self.found.project_id
        self._read.begin_whole()
        changed = self._server.newest_change(project_id)
        seen: set[int] = set()
        for task in self._server.all_answered_tasks(project_id):
            seen.add(task.task_id)
            self._take(task)
            if changed is not None and task.updated_at >= changed - self._overlap - _SAVING:
                self._just_read[task.task_id] = ChangedTask(task.updated_at, task.task_id, True)
        for task_id in self.known.answered_tasks() - seen:
            self._note_deletions(self.known.live(task_id), None)
        if changed is not None:
            self.read_changes(changed - _SAVING)

    def read_changes(self, since: datetime) -> None:
        """Reads the tasks that changed at that time or later, and notes that it is done."""
        at = self._server.clock()
        changed = sorted(self._server.changed_tasks(self.found.project_id, since))
        # Most tasks of a young round have no answer: they need not be read one by one.
        listed = [task for task in changed if task.answered or self.known.live(task.task_id)]
        for task in self._answered([task for task in listed if not self._is_read(task)]):
            self._take(task)
        self._write()
        read = self._just_read | {task.task_id: task for task in listed}
        # One that lost an answer is read again until that is accepted.
        certain = [task for task_id, task in read.items() if task_id not in self._bereft]
        self._read.keep(certain, self.known, at)

    def _is_read(self, task: ChangedTask) -> bool:
        before = self._just_read.get(task.task_id)
        if before is not None and before.updated_at == task.updated_at:
            return True
        return self._read.has(task, self.known)

    def _answered(self, listed: list[ChangedTask]) -> Iterator[AnsweredTask]:
        """Yields tasks with their answers, oldest change first.

        A task that changed again after it was listed comes last: its answers may be newer than
        those of tasks that are still to be read.
        """
        project_id = self.found.project_id
        moved: list[AnsweredTask] = []
        for start in range(0, len(listed), _READ_TASKS):
            time_of = {task.task_id: task.updated_at for task in listed[start:][:_READ_TASKS]}
            read = self._server.answered_tasks(project_id, list(time_of))
            for task in _by_change(read):
                if task.updated_at == time_of[task.task_id]:
                    yield task
                else:
                    moved.append(task)
        yield from _by_change(moved)

    def _take(self, answered: AnsweredTask) -> None:
        shown = as_object(answered.data) or {}
        task = TaskOnServer(
            server=self._server.identity,
            project_id=self.found.project_id,
            task_id=answered.task_id,
            updated_at=answered.updated_at,
            data=answered.data,
            sent=self._sent.find(answered.task_id, shown.get("sentence_id")),
        )
        here = {answer_id_of(answer) for answer in answered.answers}
        gone = self.known.live(task.task_id) - here
        self._note_deletions(gone, task.updated_at)
        for answer in answered.answers:
            self._take_answer(answer, task)
        if len(self._rows) >= COMMIT_ANSWERS:
            self._write()

    def _take_answer(self, answer: object, task: TaskOnServer) -> None:
        answer_id = answer_id_of(answer)
        known = self.known.get(answer_id)
        is_same = known is not None and answer_time_of(answer, task) <= known.updated_at
        # One in quarantine is looked at again: its task may be known or mended by now.
        is_settled = known is not None and (known.is_believed or self.known.is_retired(answer_id))
        if is_same and is_settled:
            self.found.unchanged += 1
            return
        row = validate(answer, task, self._annotators)
        if annotator_of(answer, self._annotators) in self._withdrawn:
            row = emptied(row)
        if isinstance(row, QuarantinedAnnotation):
            if is_same:
                self.found.unchanged += 1
                return
            self.found.quarantined[row.code] = self.found.quarantined.get(row.code, 0) + 1
            if known is not None:  # as it was before, it would still count as a vote
                self._retired[answer_id] = row.updated_at
                self.known.note_version(row.updated_at)
        if known is None:
            self.found.new += 1
        else:
            self.found.updated += 1
        self.known.note(row)
        self._rows.append(row)

    def _note_deletions(self, answer_ids: Iterable[int], seen: datetime | None) -> None:
        for answer_id in answer_ids:
            self._bereft.add(self.known[answer_id].task_id)
            self.found.deletions[answer_id] = self.known.note_deletion(answer_id, seen)

    def _write(self) -> None:
        """Writes what was taken; quarantine first, see `KnownAnswers.newest`."""
        if not self._rows:
            return
        doubtful = [row for row in self._rows if isinstance(row, QuarantinedAnnotation)]
        believed = [row for row in self._rows if isinstance(row, Annotation)]
        if self._retired:
            identity, project_id = self._server.identity, self.found.project_id
            believed += retired_answers(self._workspace, identity, project_id, self._retired)
        self._workspace.table(QUARANTINE).append(doubtful, self._run_id)
        self._workspace.table(ANNOTATIONS).append(believed, self._run_id)
        self._rows, self._retired = [], {}
        self.known.compact()


def _by_change(tasks: Iterable[AnsweredTask]) -> list[AnsweredTask]:
    return sorted(tasks, key=lambda task: (task.updated_at, task.task_id))
