"""What has become of the questions of a round, read from the tables alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import IntEnum
from functools import cached_property
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.dealer import Standing
from alignbench.annotation.rounds.forms import round_units
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.rows import Assignment
from alignbench.schemas.tables import (
    ANNOTATIONS,
    ASSIGNMENTS,
    QUARANTINE,
    RATINGS,
    TASKS,
    VARIANT_CHECKS,
    TableSpec,
)
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AssignmentState,
    Purpose,
    TaskState,
    WithdrawnKind,
)
from alignbench.workspace.workspace import Workspace

MOST_SKIPS = 3
"""A unit that so many people have skipped is put to nobody else."""

_OF_QUESTIONS: Final[Mapping[AnnotationUnit, tuple[TableSpec[Any], str]]] = {
    AnnotationUnit.RESPONSE: (RATINGS, "response_id"),
    AnnotationUnit.VARIANT: (VARIANT_CHECKS, "variant_id"),
}
"""Of units that have to do with questions: where their answers are, and what these are about."""


class Reply(IntEnum):
    """What somebody did with a task; of several things the highest counts."""

    VOID = 0
    """Deleted, by somebody else, or set aside: a caption if any of its sentences is."""
    SKIP = 1
    VOTE = 2


ANSWER = ("server", "project_id", "annotation_id")
"""What names an answer."""
REPLIED = ("unit_id", "annotator", "status", *ANSWER)
REPLIES = {
    AnnotationStatus.SUBMITTED.value: Reply.VOTE,
    AnnotationStatus.SKIPPED.value: Reply.SKIP,
}
REPLIED_STATES = {
    Reply.VOTE: AssignmentState.ANSWERED,
    Reply.SKIP: AssignmentState.SKIPPED,
    Reply.VOID: AssignmentState.CLOSED,
}


class Question(NamedTuple):
    """A unit and who is asked about it."""

    unit_id: str
    annotator: str


class Places(NamedTuple):
    """How many votes a unit has, and how many people are asked about it now."""

    votes: int
    open: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.votes + self.open


class RoundStandings:
    """The questions of one round: what the tables say of each, and what has become of it since.

    Attributes:
        rows: Their rows, brought up to date with the answers.
    """

    def __init__(self, workspace: Workspace, round_name: str) -> None:
        """Reads the tables."""
        self._workspace = workspace
        self._round = round_name
        self._unit = round_units(workspace).get(round_name, AnnotationUnit.SENTENCE)
        self._excluded = set(withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR).to_pylist())
        self._written = {
            Question(row.unit_id, row.annotator): row
            for row in workspace.table(ASSIGNMENTS).rows(pc.field("round") == round_name)
        }
        self.rows: dict[Question, Assignment] = {}
        for question, row in [*self._written.items(), *self._adopted()]:
            state = self._state(question, row.state)
            self.rows[question] = row if state is row.state else self._changed(row, state)

    @cached_property
    def _replies(self) -> dict[Question, Reply]:
        """What people have replied; read only where there is a question, or skips are counted."""
        replies: dict[Question, Reply] = {}
        partial = partly_set_aside(self._workspace, self._round, self._unit)
        for batch in round_answers(self._workspace, self._round, self._unit):
            for unit_id, annotator, status, *answer in _columns(batch, REPLIED):
                question = Question(unit_id, annotator)
                reply = REPLIES.get(status, Reply.VOID)
                if tuple(answer) in partial:
                    reply = Reply.VOID
                replies[question] = max(reply, replies.get(question, reply))
        for question in set_aside(self._workspace, self._round):
            replies.setdefault(question, Reply.VOID)
        return replies

    @cached_property
    def _skips(self) -> Counter[str]:
        skipped = (one for one, reply in self._replies.items() if reply is Reply.SKIP)
        return Counter(question.unit_id for question in skipped)

    def unwritten(self) -> list[Assignment]:
        """Returns the rows that are not, or not so, in the table."""
        return [row for key, row in self.rows.items() if self._written.get(key) != row]

    def standing(self, question: Question, begun: bool) -> Standing:
        """Returns where somebody stands with a unit.

        Args:
            question: Who and what.
            begun: Whether they have begun it, if it is open.
        """
        reply = self._replies.get(question)
        if reply is not None:
            counts = reply is Reply.VOTE and question.annotator not in self._excluded
            return Standing.VOTED if counts else Standing.SPENT
        match self.rows[question].state:
            case AssignmentState.OPEN:
                return Standing.BEGUN if begun else Standing.WAITING
            case AssignmentState.CLOSED:
                return Standing.TAKEN_BACK
            case _:  # the answer has left the tables, which only a person can have done
                return Standing.SPENT

    def open_of(self, annotator: str) -> set[str]:
        """Returns the units that are open for somebody."""
        return {
            row.unit_id
            for row in self.rows.values()
            if row.annotator == annotator and row.state is AssignmentState.OPEN
        }

    def places(self) -> Mapping[str, Places]:
        """Returns what each unit has; a unit that nobody was asked about has nothing."""
        votes, opened = Counter[str](), Counter[str]()
        for question in self.rows:
            standing = self.standing(question, begun=False)
            votes[question.unit_id] += standing is Standing.VOTED
            opened[question.unit_id] += standing is Standing.WAITING
        places: defaultdict[str, Places] = defaultdict(lambda: Places(0, 0))
        places.update({unit_id: Places(votes[unit_id], opened[unit_id]) for unit_id in votes})
        return places

    def skips(self, unit_id: str) -> int:
        """Returns how many people have skipped a unit."""
        return self._skips[unit_id]

    def set_open(self, question: Question, purpose: Purpose, wave: int) -> None:
        """Puts a unit to somebody, for the first time or again."""
        row = self.rows.get(question)
        self.rows[question] = (
            _row(self._round, self._unit, question, purpose, wave)
            if row is None
            else self._changed(replace(row, wave=wave), AssignmentState.OPEN)
        )

    def set_closed(self, question: Question) -> None:
        """Takes a unit back from somebody."""
        self.rows[question] = self._changed(self.rows[question], AssignmentState.CLOSED)

    def _changed(self, row: Assignment, state: AssignmentState) -> Assignment:
        written = self._written.get(Question(row.unit_id, row.annotator))
        if written is not None and written.state is state and written.wave == row.wave:
            return written
        return replace(row, state=state, version=1 if written is None else written.version + 1)

    def _state(self, question: Question, written: AssignmentState) -> AssignmentState:
        reply = self._replies.get(question)
        return written if reply is None else REPLIED_STATES[reply]

    def _adopted(self) -> Iterator[tuple[Question, Assignment]]:
        """Yields the questions that an earlier version put to people, which wrote no rows."""
        where = (pc.field("round") == self._round) & pc.field("assignee").is_valid()
        where &= pc.field("state") == TaskState.CONFIRMED.value
        columns = ["sentence_id", "assignee", "purpose", "round", "state"]
        for batch in self._workspace.table(TASKS).scan(columns, where):
            for unit_id, assignee, purpose in _columns(batch, columns[:3]):
                question = Question(unit_id, assignee)
                if question not in self._written:
                    row = _row(self._round, self._unit, question, Purpose(purpose), wave=1)
                    yield question, row


def round_answers(
    workspace: Workspace, round_name: str, unit: AnnotationUnit
) -> Iterator[pa.Table]:
    """Yields the columns `REPLIED` of the answers of a round, those of adjudicators left out."""
    where = pc.field("round") == round_name
    if unit.is_of_questions:
        table, subject = _OF_QUESTIONS[unit]
        for batch in workspace.table(table).scan([subject, *REPLIED[1:], "round"], where):
            yield batch.append_column("unit_id", batch[subject]).select(REPLIED)
        return
    where &= pc.field("purpose") != Purpose.ADJUDICATE.value
    columns = [*REPLIED, "sentence_id", "round", "purpose"]
    for batch in workspace.table(ANNOTATIONS).scan(columns, where):
        # Rows of earlier versions name no unit: it was the sentence.
        units = pc.coalesce(batch["unit_id"], batch["sentence_id"])
        yield batch.drop_columns("unit_id").append_column("unit_id", units).select(REPLIED)


def partly_set_aside(
    workspace: Workspace, round_name: str, unit: AnnotationUnit
) -> set[tuple[object, ...]]:
    """Returns the answers to captions, by `ANSWER`, that are not believed about every sentence.

    What they say of the others counts as votes; but they fill no place, or one sentence would have
    a vote less than is wanted.
    """
    if unit is not AnnotationUnit.CAPTION:
        return set()
    doubtful = workspace.table(QUARANTINE).read([*ANSWER, "sentence_ids"])
    doubted = {
        (*answer, sentence_id)
        for *answer, sentence_ids in _columns(doubtful, [*ANSWER, "sentence_ids"])
        for sentence_id in sentence_ids or ()
    }
    if doubted:  # what was set aside may be believed by now
        where = pc.field("round") == round_name
        where &= pc.field("status") == AnnotationStatus.SUBMITTED.value
        columns = [*ANSWER, "sentence_id"]
        needed = [*columns, "round", "status"]
        for batch in workspace.table(ANNOTATIONS).scan(needed, where):
            doubted.difference_update(_columns(batch, columns))
    return {tuple(answer) for *answer, _ in doubted}


def set_aside(workspace: Workspace, round_name: str) -> Iterator[Question]:
    """Yields the questions of a round to whose tasks there is an answer in quarantine."""
    columns = ["server", "project_id", "task_id"]
    doubtful = workspace.table(QUARANTINE).read(columns)
    if not len(doubtful):
        return
    tasks = set(_columns(doubtful, columns))
    wanted = [*columns, "sentence_id", "assignee", "round", "state"]
    where = (pc.field("round") == round_name) & pc.field("assignee").is_valid()
    for batch in workspace.table(TASKS).scan(wanted, where):
        for *task, unit_id, assignee, _, _ in _columns(batch, wanted):
            if tuple(task) in tasks:
                yield Question(unit_id, assignee)


def answered_elsewhere(
    workspace: Workspace, round_name: str, sentence_ids: pa.Array
) -> dict[str, set[str]]:
    """Returns, by sentence, model's answer or variant, who said something of it in another round.

    Args:
        workspace: Whose answers.
        round_name: The round that does not count.
        sentence_ids: The sentences, the models' answers, or the variants.
    """
    barred: defaultdict[str, set[str]] = defaultdict(set)
    elsewhere = pc.field("round") != round_name
    elsewhere &= pc.field("status") == AnnotationStatus.SUBMITTED.value
    for table, subject in ((ANNOTATIONS, "sentence_id"), *_OF_QUESTIONS.values()):
        columns = [subject, "annotator", "round", "status"]
        where = elsewhere & pc.field(subject).isin(sentence_ids)
        for batch in workspace.table(table).scan(columns, where):
            for subject_id, annotator in _columns(batch, [subject, "annotator"]):
                barred[subject_id].add(annotator)
    return barred


def _row(
    round_name: str, unit: AnnotationUnit, question: Question, purpose: Purpose, wave: int
) -> Assignment:
    return Assignment(
        round=round_name,
        unit_id=question.unit_id,
        annotator=question.annotator,
        unit=unit,
        purpose=purpose,
        wave=wave,
        state=AssignmentState.OPEN,
        version=1,
    )


def _columns(table: pa.Table, names: "list[str] | tuple[str, ...]") -> Iterator[tuple[str, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)
