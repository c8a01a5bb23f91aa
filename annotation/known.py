"""What the tables know of one project: which answers, and which tasks they were given to."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from annotation.errors import Doubt
from annotation.validation import SentTask
from schemas.rows import Annotation, QuarantinedAnnotation
from schemas.tables import ANNOTATIONS, QUARANTINE, ROUND_SUGGESTIONS, SENTENCES, TASKS
from schemas.vocabulary import AnnotationStatus, Purpose
from workspace.workspace import Workspace

_JUST_AFTER = timedelta(microseconds=1)


class KnownAnswer(NamedTuple):
    """The newest row of an answer.

    Attributes:
        updated_at: Its version.
        task_id: The task it was given to.
        is_live: Whether it was on the server then.
        is_believed: Whether that row is in table `annotations`, and not in quarantine.
    """

    updated_at: datetime
    task_id: int
    is_live: bool
    is_believed: bool


class KnownAnswers:
    """The answers of one project that are in the tables.

    Attributes:
        newest: Highest version in table `annotations`, where a pull can go on. Table `quarantine`
            does not count: it is written first, so after a kill it may be ahead.
        live: Ids of the answers that are on the server as far as is known, by task.
        retired: Answers whose newest row in table `annotations` says that they count no more.
    """

    def __init__(self, workspace: Workspace, server: str, project_id: int) -> None:
        """Reads the key columns of both tables."""
        self.newest: datetime | None = None
        self.live: dict[int, set[int]] = {}
        self.retired: set[int] = set()
        self._rows: dict[int, KnownAnswer] = {}
        where = of_project(server, project_id)
        columns = ["server", "project_id", "annotation_id", "task_id", "updated_at"]
        for batch in workspace.table(ANNOTATIONS).scan([*columns, "status"], where):
            self._read_believed(batch)
        for batch in workspace.table(QUARANTINE).scan([*columns, "code"], where):
            self._read_doubtful(batch)
        for answer_id, known in self._rows.items():
            if known.is_live:
                self.live.setdefault(known.task_id, set()).add(answer_id)

    def __getitem__(self, answer_id: int) -> KnownAnswer:
        return self._rows[answer_id]

    def get(self, answer_id: int) -> KnownAnswer | None:
        """Returns the newest row of an answer, if there is one."""
        return self._rows.get(answer_id)

    def count(self) -> int:
        """Returns how many answers are on the server as far as is known."""
        return sum(map(len, self.live.values()))

    def settled_answers(self, task_id: int) -> list[KnownAnswer]:
        """Returns a task's answers on the server; none if one of them is in quarantine."""
        answers = [self._rows[answer_id] for answer_id in self.live.get(task_id, ())]
        return answers if all(answer.is_believed for answer in answers) else []

    def note(self, row: Annotation | QuarantinedAnnotation) -> None:
        """Notes a row that is about to be written."""
        believed = isinstance(row, Annotation)
        if believed:
            self.note_version(row.updated_at)
        self._rows[row.annotation_id] = KnownAnswer(row.updated_at, row.task_id, True, believed)
        self.live.setdefault(row.task_id, set()).add(row.annotation_id)

    def note_version(self, at: datetime) -> None:
        """Notes the version of a row that is about to be written to table `annotations`."""
        self.newest = max(self.newest or at, at)

    def note_deletion(self, answer_id: int, seen: datetime | None = None) -> datetime:
        """Notes that an answer is gone.

        Args:
            answer_id: The answer.
            seen: When its task changed, if it is still there.

        Returns:
            The version of the row that says so: later than the answer's last.
        """
        known = self._rows[answer_id]
        self.live[known.task_id].discard(answer_id)
        just_after = known.updated_at + _JUST_AFTER
        return just_after if seen is None else max(seen, just_after)

    def _read_believed(self, batch: pa.Table) -> None:
        for answer_id, at, task_id, status in _rows(batch, "status"):
            is_live = status != AnnotationStatus.DELETED
            self._rows[answer_id] = KnownAnswer(at, task_id, is_live, True)
            self.note_version(at)
            if not is_live:
                self.retired.add(answer_id)

    def _read_doubtful(self, batch: pa.Table) -> None:
        for answer_id, at, task_id, code in _rows(batch, "code"):
            other = self._rows.get(answer_id)
            # Beside a quarantined answer may stand its retired row, of the same version; beside one
            # that was believed in the end, its old row in quarantine.
            if (
                other is None
                or at > other.updated_at
                or (at == other.updated_at and not other.is_live)
            ):
                self._rows[answer_id] = KnownAnswer(at, task_id, code != Doubt.DELETED, False)


class SentTasks:
    """What this workspace sent to one project, by task and, for intents, by sentence."""

    def __init__(self, workspace: Workspace, server: str, project_id: int) -> None:
        """Reads the project's tasks and the text of their sentences."""
        self._by_task: dict[int, SentTask] = {}
        self._by_sentence: dict[str, SentTask] = {}
        columns = ["server", "project_id", "task_id", "sentence_id", "round", "purpose"]
        tasks = workspace.table(TASKS).read(columns, of_project(server, project_id))
        texts = _texts(workspace, tasks["sentence_id"])
        suggesting = {
            row.round: f"{row.detector} {row.detector_id[:8]}"
            for row in workspace.table(ROUND_SUGGESTIONS).rows()
        }
        places = (tasks[name].to_pylist() for name in columns[2:])
        for task_id, sentence_id, round_name, purpose in zip(*places, strict=True):
            if sentence_id not in texts:
                continue
            sent = SentTask(
                sentence_id,
                texts[sentence_id],
                round_name,
                Purpose(purpose),
                suggesting.get(round_name),
            )
            if task_id is None:
                self._by_sentence[sentence_id] = sent
            else:
                self._by_task[task_id] = sent

    def find(self, task_id: int, sentence_id: object) -> SentTask | None:
        """Returns what was sent as this task.

        A push that was killed has left tasks on the server of which only the intent is known: they
        are recognised by the sentence id in their data.
        """
        confirmed = self._by_task.get(task_id)
        if confirmed is None and isinstance(sentence_id, str):
            return self._by_sentence.get(sentence_id)
        return confirmed


def retired_answers(
    workspace: Workspace, server: str, project_id: int, versions: Mapping[int, datetime]
) -> Iterator[Annotation]:
    """Yields the newest rows of these answers again, in these versions and as deleted."""
    where = of_project(server, project_id) & _is_one_of(versions)
    for row in workspace.table(ANNOTATIONS).rows(where):
        if row.status is not AnnotationStatus.DELETED:
            at = versions[row.annotation_id]
            yield replace(row, status=AnnotationStatus.DELETED, updated_at=at)


def retired_doubts(
    workspace: Workspace, server: str, project_id: int, versions: Mapping[int, datetime]
) -> Iterator[QuarantinedAnnotation]:
    """Yields the quarantine rows of these answers again, in these versions and as deleted."""
    where = of_project(server, project_id) & _is_one_of(versions)
    for row in workspace.table(QUARANTINE).rows(where):
        if row.code != Doubt.DELETED:
            reason = "It has been deleted on the server."
            at = versions[row.annotation_id]
            yield replace(row, code=Doubt.DELETED, reason=reason, updated_at=at)


def of_project(server: str, project_id: int) -> pc.Expression:
    """Returns the filter for rows of one project."""
    return (pc.field("server") == server) & (pc.field("project_id") == project_id)


def _is_one_of(answers: Mapping[int, datetime]) -> pc.Expression:
    return pc.field("annotation_id").isin(pa.array(list(answers), pa.int64()))


def _rows(batch: pa.Table, column: str) -> Iterator[tuple[int, datetime, int, str]]:
    names = ["annotation_id", "updated_at", "task_id", column]
    yield from zip(*(batch[name].to_pylist() for name in names), strict=True)


def _texts(workspace: Workspace, sentence_ids: pa.ChunkedArray) -> dict[str, str]:
    wanted = pc.field("sentence_id").isin(pc.unique(sentence_ids))
    texts: dict[str, str] = {}
    for batch in workspace.table(SENTENCES).scan(["sentence_id", "text"], wanted):
        pairs = zip(batch["sentence_id"].to_pylist(), batch["text"].to_pylist(), strict=True)
        texts.update(pairs)
    return texts
