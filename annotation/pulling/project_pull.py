"""Pulling one project: what changed since the last pull, in the order in which it changed.

Rows are written in that order, so that whatever a kill leaves written, everything older is written
too. An answer that is known in its version is not written again.

Deleting an answer moves its task; deleting a task leaves no trace. So the numbers of answers are
compared in the end, and a project in which they differ is read whole, as one is of which nothing is
known: in order of ids, which takes a server no longer than an export. The start is noted,
so that after a kill the next pull reads it whole again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import pyarrow.compute as pc

from alignbench.annotation.errors import Doubt, MissingProjectError
from alignbench.annotation.label_studio.records import (
    AnsweredTask,
    ChangedTask,
    ProjectCounts,
    RawAnswer,
    as_object,
)
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import Project
from alignbench.annotation.pulling.known_answers import KnownAnswers, retired_answers
from alignbench.annotation.pulling.read_tasks import ReadTasks
from alignbench.annotation.pulling.sent_tasks import SentTasks
from alignbench.annotation.pulling.validation import TaskOnServer, annotator_name, validate
from alignbench.annotation.rounds.withdrawal import emptied
from alignbench.annotation.units.given import AnswerRow, is_believed, subject_of
from alignbench.schemas.rows.annotation import AnnotationProject, QuarantinedAnnotation
from alignbench.schemas.rows.questions import Rating, VariantCheck
from alignbench.schemas.tables import ANNOTATION_PROJECTS, QUARANTINE
from alignbench.schemas.vocabulary import AnnotationStatus

COMMIT_ANSWERS = 10_000
"""Answers of one commit."""
_READ_TASKS = 200
_SAVING = timedelta(seconds=5)
"""A server takes less from the time that it gives to a change until others can read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRun:
    """What is the same for every project of one pull.

    Attributes:
        server: Where the answers are.
        annotators: Names of users by their id.
        withdrawn: Annotators whose answers are written without what they say.
        look_back: How far to go back before the last pull.
        run_id: Stamped on the rows.
        adjudicators: Who may decide what is disputed; None if anybody may.
    """

    server: LabelStudioServer
    annotators: Mapping[int, str]
    withdrawn: frozenset[str]
    look_back: timedelta
    run_id: str
    adjudicators: frozenset[str] | None = None


@dataclass
class PulledProject:
    """What a pull found in one project, in answers.

    Attributes:
        known: Answers that were known to be on the server before.
        new: Written for the first time.
        updated: Known, and written again because they were changed.
        unchanged: Read again and found as they were.
        quarantined: Of the new and updated ones those that went to quarantine, by code.
        deletions: Answers that are gone, and the versions of the rows that will say so; not yet
            written.
    """

    known: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    deletions: dict[int, datetime] = field(default_factory=dict)


def pull_project(run: PullRun, project: Project, before: ProjectCounts) -> PulledProject:
    """Pulls a project's answers and writes what is new; deletions are left to the caller.

    Args:
        run: The pull.
        project: The project.
        before: What it held just now.

    Raises:
        MissingProjectError: It has just been deleted.
        AlignBenchError: The server cannot be asked.
    """
    reading = _Reading(run, project)
    known = reading.known
    if not before.answers and not known.count():
        return reading.result
    since = reading.since()
    if since is not None:
        reading.read_changes(since)
        if known.count() == before.answers:
            return reading.result
        after = reading.count_on_server()
        # Annotators may be at work: then the number lies between those before and after.
        if min(before.answers, after) <= known.count() <= max(before.answers, after):
            return reading.result
    reading.read_whole()
    return reading.result


class _Reading:
    """The state of reading one project: what is known, found, and waiting to be written."""

    def __init__(self, run: PullRun, project: Project) -> None:
        self.known = KnownAnswers(project)
        self.result = PulledProject(known=self.known.count())
        self._run, self._project, self._server = run, project, run.server
        self._read = ReadTasks(project)
        self._rows: list[AnswerRow | QuarantinedAnnotation] = []
        self._retired: dict[int, datetime] = {}
        self._with_deletions: set[int] = set()
        self._just_read: dict[int, ChangedTask] = {}

    @cached_property
    def _sent(self) -> SentTasks:
        """Read when the first task is; in an idle pull there is none."""
        return SentTasks(self._project, self._run.adjudicators)

    def count_on_server(self) -> int:
        counts = self._server.counts(self._project.project_id)
        if counts is None:
            raise MissingProjectError(
                f"Project {self._project.project_id} disappeared from Label Studio at "
                f"{self._server.url} while it was read.",
                "If that was intended, pull with --accept-deletions.",
            )
        return counts.answers

    def since(self) -> datetime | None:
        """Returns the time since which changes must be read; None if the whole project must."""
        return self._read.since(self.known, self._run.look_back)

    def read_whole(self) -> None:
        """Reads all tasks, then those that changed meanwhile."""
        project_id = self._project.project_id
        self._read.begin_whole()
        changed = self._server.newest_change(project_id)
        seen: set[int] = set()
        for task in self._server.all_answered_tasks(project_id):
            seen.add(task.task_id)
            self._take(task)
            if changed is not None and task.updated_at >= changed - self._run.look_back - _SAVING:
                self._just_read[task.task_id] = ChangedTask(task.updated_at, task.task_id, True)
        for task_id in self.known.answered_tasks() - seen:
            self._note_deletions(self.known.live(task_id), None)
        if changed is not None:
            self.read_changes(changed - _SAVING)

    def read_changes(self, since: datetime) -> None:
        """Reads the tasks that changed at that time or later, and notes that it is done."""
        at = self._server.clock()
        changed = sorted(self._server.changed_tasks(self._project.project_id, since))
        # Most tasks of a young round have no answer: they need not be read one by one.
        listed = [task for task in changed if task.answered or self.known.live(task.task_id)]
        for task in self._answered([task for task in listed if not self._is_read(task)]):
            self._take(task)
        self._write()
        read = self._just_read | {task.task_id: task for task in listed}
        # One that lost an answer is read again until that is accepted.
        certain = [task for task_id, task in read.items() if task_id not in self._with_deletions]
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
        project_id = self._project.project_id
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
            server=self._project.server,
            project_id=self._project.project_id,
            task_id=answered.task_id,
            updated_at=answered.updated_at,
            data=answered.data,
            sent=self._sent.find(answered.task_id, shown.get("sentence_id")),
        )
        here = {answer.answer_id for answer in answered.answers}
        gone = self.known.live(task.task_id) - here
        self._note_deletions(gone, task.updated_at)
        for answer in answered.answers:
            self._take_answer(answer, task)
        if len(self._rows) >= COMMIT_ANSWERS:
            self._write()

    def _take_answer(self, answer: RawAnswer, task: TaskOnServer) -> None:
        known = self.known.get(answer.answer_id)
        is_same = known is not None and task.version_of(answer) <= known.updated_at
        # One in quarantine is looked at again: its task may be known or mended by now.
        is_settled = known is not None and (
            known.is_believed or self.known.is_retired(answer.answer_id)
        )
        if is_same and is_settled:
            self.result.unchanged += 1
            return
        rows = self._rows_of(answer, task)
        if any(isinstance(row, QuarantinedAnnotation) and row.code == Doubt.EDITED for row in rows):
            rows = self._unchanged(answer, task) or rows
        doubtful = [row for row in rows if isinstance(row, QuarantinedAnnotation)]
        believed = [row for row in rows if is_believed(row)]
        if is_same and not believed:
            self.result.unchanged += 1
            return
        for row in doubtful:
            self.result.quarantined[row.code] = self.result.quarantined.get(row.code, 0) + 1
            if known is not None:  # as it was before, it would still count as a vote
                self._retired[answer.answer_id] = row.updated_at
                self.known.note_version(row.updated_at)
        if known is None:
            self.result.new += 1
        else:
            self.result.updated += 1
        self.known.note((believed or doubtful)[0])
        self._rows += rows

    def _rows_of(
        self, answer: RawAnswer, task: TaskOnServer
    ) -> list[AnswerRow | QuarantinedAnnotation]:
        """Returns the rows of an answer; without what it says, if its annotator has withdrawn."""
        rows = self._worded(validate(answer, task, self._run.annotators))
        if answer.user_id is None:
            return rows
        name = annotator_name(answer.user_id, self._run.annotators)
        return [emptied(row) for row in rows] if name in self._run.withdrawn else rows

    def _unchanged(
        self, answer: RawAnswer, task: TaskOnServer
    ) -> list[AnswerRow | QuarantinedAnnotation]:
        """Returns the rows of an answer that somebody else saved and left as its annotator gave it.

        A star on the server is such a save: it says nothing about the answer.
        """
        rows = self._worded(validate(answer, task, self._run.annotators, whoever_saved_it=True))
        said = {_content(row) for row in rows if is_believed(row)}
        return rows if said and self._contents.get(answer.answer_id) == said else []

    def _worded(
        self, rows: list[AnswerRow | QuarantinedAnnotation]
    ) -> list[AnswerRow | QuarantinedAnnotation]:
        """Returns rows with what their annotator read and could answer, as far as it is known."""
        ids = self._wording
        if ids is None:
            return rows
        return [
            replace(row, guideline_id=ids.guideline_id, label_schema_id=ids.label_schema_id)
            if is_believed(row)
            else row
            for row in rows
        ]

    @cached_property
    def _wording(self) -> AnnotationProject | None:
        """What the project was set up with; None if an earlier version made it."""
        projects = self._project.workspace.table(ANNOTATION_PROJECTS)
        return next(iter(projects.rows(self._project.filter())), None)

    @cached_property
    def _contents(self) -> Mapping[int, set[tuple[object, ...]]]:
        """What the tables have of the project's answers; read when somebody else has saved one."""
        there = self._project.filter() & (pc.field("status") != AnnotationStatus.DELETED.value)
        contents: defaultdict[int, set[tuple[object, ...]]] = defaultdict(set)
        for row in self._project.workspace.table(self._project.answers).rows(there):
            contents[row.annotation_id].add(_content(row))
        return contents

    def _note_deletions(self, answer_ids: Iterable[int], seen: datetime | None) -> None:
        for answer_id in answer_ids:
            self._with_deletions.add(self.known[answer_id].task_id)
            self.result.deletions[answer_id] = self.known.note_deletion(answer_id, seen)

    def _write(self) -> None:
        """Writes what was taken; quarantine first, see `KnownAnswers.newest`."""
        if not self._rows:
            return
        doubtful = [row for row in self._rows if isinstance(row, QuarantinedAnnotation)]
        believed = [row for row in self._rows if is_believed(row)]
        if self._retired:
            fresh = {(row.annotation_id, subject_of(row)) for row in believed}
            believed += retired_answers(self._project, self._retired, fresh)
        workspace, run_id = self._project.workspace, self._run.run_id
        workspace.table(QUARANTINE).append(doubtful, run_id)
        workspace.table(self._project.answers).append(believed, run_id)
        self._rows, self._retired = [], {}
        self.known.compact()


def _content(row: AnswerRow) -> tuple[object, ...]:
    if isinstance(row, Rating):
        return (row.response_id, row.annotator, row.status, row.rating, row.reason)
    if isinstance(row, VariantCheck):
        return (row.variant_id, row.annotator, row.status, row.meaning, row.reason)
    return (row.sentence_id, row.annotator, row.status, row.verdict, row.spans, row.note)


def _by_change(tasks: Iterable[AnsweredTask]) -> list[AnsweredTask]:
    return sorted(tasks, key=lambda task: (task.updated_at, task.task_id))
