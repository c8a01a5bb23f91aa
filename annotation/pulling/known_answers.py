"""Which answers of one project the tables know."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import Doubt
from alignbench.annotation.projects import Project
from alignbench.annotation.units.given import AnswerRow, is_believed, subject_of
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.tables import QUARANTINE
from alignbench.schemas.vocabulary import AnnotationStatus, AnswerFlag

_JUST_AFTER = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class KnownAnswer(NamedTuple):
    """The newest row of an answer.

    Attributes:
        updated_at: Its version.
        task_id: The task it was given to.
        is_live: Whether it was on the server then.
        is_believed: Whether that row is in the table of answers, and not in quarantine.
    """

    updated_at: datetime
    task_id: int
    is_live: bool
    is_believed: bool


# A row of the table of answers; its version in microseconds.
_BELIEVED = np.dtype([("answer", np.int64), ("task", np.int64), ("at", np.int64), ("live", bool)])


class KnownAnswers:
    """The answers of one project that are in the tables, or about to be written there.

    Most are kept in an array, 33 bytes each; one by one those that are in quarantine, or noted
    since `compact` was called last.

    Attributes:
        newest: Highest version in the table of answers (`Project.answers`), where a pull can go on.
            Table `quarantine` does not count: it is written first, so after a kill it may be ahead.
    """

    def __init__(self, project: Project) -> None:
        """Reads the key columns of both tables."""
        workspace, where = project.workspace, project.filter()
        columns = ["server", "project_id", "annotation_id", "task_id", "updated_at"]
        parts: list[npt.NDArray[np.void]] = [np.empty(0, _BELIEVED)]
        for batch in workspace.table(project.answers).scan([*columns, "status", "flags"], where):
            parts.append(_believed(batch))
        self._set_rows(_by_answer(np.concatenate(parts)))
        self.newest = _instant(self._rows["at"].max()) if len(self._rows) else None
        self._count = len(self._live_rows)
        self._noted: dict[int, KnownAnswer] = {}
        # Of tasks where the array does not tell.
        self._live_of: dict[int, set[int]] = {}
        self._irregular: set[int] = set()
        for batch in workspace.table(QUARANTINE).scan([*columns, "code"], where):
            self._read_doubtful(batch)

    def __getitem__(self, answer_id: int) -> KnownAnswer:
        known = self.get(answer_id)
        if known is None:
            raise KeyError(answer_id)
        return known

    def get(self, answer_id: int) -> KnownAnswer | None:
        """Returns the newest row of an answer, if there is one."""
        noted = self._noted.get(answer_id)
        row = None if noted is not None else self._row_of(answer_id)
        if row is None:
            return noted
        return KnownAnswer(_instant(row["at"]), int(row["task"]), bool(row["live"]), True)

    def is_retired(self, answer_id: int) -> bool:
        """Tells whether the answer's row in the table of answers says that it no longer counts."""
        row = self._row_of(answer_id)
        return row is not None and not row["live"]

    def count(self) -> int:
        """Returns how many answers are on the server as far as is known."""
        return self._count

    def live(self, task_id: int) -> set[int]:
        """Returns the ids of a task's answers that are on the server as far as is known."""
        changed = self._live_of.get(task_id)
        if changed is not None:
            return set(changed)
        low, high = (np.searchsorted(self._live_tasks, task_id, side) for side in ("left", "right"))
        return set(self._rows["answer"][self._live_rows[low:high]].tolist())

    def answered_tasks(self) -> set[int]:
        """Returns the tasks with answers that are on the server as far as is known."""
        tasks: set[int] = set(np.unique(self._live_tasks).tolist()) - self._live_of.keys()
        return tasks | {task_id for task_id, answers in self._live_of.items() if answers}

    def settled_answers(self, task_id: int) -> list[KnownAnswer]:
        """Returns a task's answers on the server; none if one of them is in quarantine."""
        answers = [self[answer_id] for answer_id in self.live(task_id)]
        return answers if all(answer.is_believed for answer in answers) else []

    def note(self, row: AnswerRow | QuarantinedAnnotation) -> None:
        """Notes a row that is about to be written."""
        believed = is_believed(row)
        if believed:
            self.note_version(row.updated_at)
        # Of what was pulled the task is known.
        task_id = row.task_id or 0
        self._note(row.annotation_id, KnownAnswer(row.updated_at, task_id, True, believed))

    def note_version(self, at: datetime) -> None:
        """Notes the version of a row that is about to be written to the table of answers."""
        self.newest = max(self.newest or at, at)

    def note_deletion(self, answer_id: int, seen: datetime | None = None) -> datetime:
        """Notes that an answer is gone.

        Args:
            answer_id: The answer.
            seen: When its task changed, if it is still there.

        Returns:
            The version of the row that says so: later than the answer's last.
        """
        known = self[answer_id]
        self._set_live(answer_id, known.task_id, is_live=False)
        just_after = known.updated_at + _JUST_AFTER
        return just_after if seen is None else max(seen, just_after)

    def compact(self) -> None:
        """Takes what was noted and is believed into the array."""
        rows = [
            (answer_id, known.task_id, (known.updated_at - _EPOCH) // _MICROSECOND, known.is_live)
            for answer_id, known in self._noted.items()
            if known.is_believed
        ]
        fresh = np.array(rows, _BELIEVED)
        older = ~np.isin(self._rows["answer"], fresh["answer"])
        self._set_rows(np.concatenate([self._rows[older], fresh]))
        self._noted = {key: known for key, known in self._noted.items() if not known.is_believed}
        self._live_of = {task: self._live_of[task] for task in self._irregular}

    def _note(self, answer_id: int, known: KnownAnswer) -> None:
        self._noted[answer_id] = known
        self._set_live(answer_id, known.task_id, is_live=known.is_live)
        if not known.is_believed:
            self._irregular.add(known.task_id)

    def _set_live(self, answer_id: int, task_id: int, *, is_live: bool) -> None:
        answers = self._live_of.setdefault(task_id, self.live(task_id))
        if is_live == (answer_id in answers):
            return
        self._count += 1 if is_live else -1
        if is_live:
            answers.add(answer_id)
        else:
            answers.discard(answer_id)
            self._irregular.add(task_id)

    def _row_of(self, answer_id: int) -> np.void | None:
        place = int(np.searchsorted(self._answer_ids, answer_id))
        if place < len(self._rows) and self._answer_ids[place] == answer_id:
            row: np.void = self._rows[place]
            return row
        return None

    def _set_rows(self, rows: npt.NDArray[np.void]) -> None:
        self._rows = rows[np.argsort(rows["answer"])]
        self._answer_ids = np.ascontiguousarray(self._rows["answer"])
        live = np.flatnonzero(self._rows["live"])
        self._live_rows = live[np.argsort(self._rows["task"][live], kind="stable")]
        self._live_tasks = self._rows["task"][self._live_rows]

    def _read_doubtful(self, batch: pa.Table) -> None:
        names = ("annotation_id", "updated_at", "task_id", "code")
        for answer_id, at, task_id, code in zip(
            *(batch[name].to_pylist() for name in names), strict=True
        ):
            other = self.get(answer_id)
            # Beside a quarantined answer may stand its retired row, of the same version; beside one
            # that was believed in the end, its old row in quarantine.
            if (
                other is None
                or at > other.updated_at
                or (at == other.updated_at and not other.is_live)
            ):
                self._note(answer_id, KnownAnswer(at, task_id, code != Doubt.DELETED, False))


def retired_answers(
    project: Project,
    versions: Mapping[int, datetime],
    believed: Collection[tuple[int, str]] = frozenset(),
) -> Iterator[AnswerRow]:
    """Yields the newest rows of these answers again, in these versions and as deleted.

    Args:
        project: Where they are.
        versions: The version that each answer's rows get.
        believed: Answers, and what they are about, whose rows stay.
    """
    where = project.filter() & _is_one_of(versions)
    for row in project.workspace.table(project.answers).rows(where):
        stays = (row.annotation_id, subject_of(row)) in believed
        if row.status is not AnnotationStatus.DELETED and not stays:
            at = versions[row.annotation_id]
            yield replace(row, status=AnnotationStatus.DELETED, updated_at=at)


def retired_doubts(
    project: Project, versions: Mapping[int, datetime]
) -> Iterator[QuarantinedAnnotation]:
    """Yields the quarantine rows of these answers again, in these versions and as deleted."""
    where = project.filter() & _is_one_of(versions)
    for row in project.workspace.table(QUARANTINE).rows(where):
        if row.code != Doubt.DELETED:
            reason = "It has been deleted on the server."
            at = versions[row.annotation_id]
            yield replace(row, code=Doubt.DELETED, reason=reason, updated_at=at)


def _is_one_of(answers: Mapping[int, datetime]) -> pc.Expression:
    return pc.field("annotation_id").isin(pa.array(list(answers), pa.int64()))


def _believed(batch: pa.Table) -> npt.NDArray[np.void]:
    rows = np.empty(len(batch), _BELIEVED)
    rows["answer"], rows["task"] = batch["annotation_id"], batch["task_id"]
    rows["at"] = batch["updated_at"].cast(pa.int64())
    is_live = pc.not_equal(batch["status"], AnnotationStatus.DELETED.value)
    rows["live"] = is_live.to_numpy() & ~_is_kept(batch["flags"])
    return rows


def _by_answer(rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Makes one row an answer of those on its sentences: it is there as long as one of them is."""
    rows = rows[np.argsort(rows["answer"], kind="stable")]
    firsts = np.flatnonzero(np.diff(rows["answer"], prepend=-1))
    if len(firsts) == len(rows):
        return rows
    answers = rows[firsts]
    answers["at"] = np.maximum.reduceat(rows["at"], firsts)
    answers["live"] = np.logical_or.reduceat(rows["live"], firsts)
    return answers


def _is_kept(flags: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Returns which answers the server lost and the tables keep."""
    kept = np.zeros(len(flags), np.bool_)
    lists = flags.combine_chunks()
    is_kept = pc.equal(pc.list_flatten(lists), AnswerFlag.KEPT.value)
    kept[pc.list_parent_indices(lists).filter(is_kept).to_numpy()] = True
    return kept


def _instant(microseconds: np.int64) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))
