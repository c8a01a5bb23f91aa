"""The questions of a round, read from the tables alone: who is asked what, and what became of it.

A round of a million sentences has some three million of them, so they are columns: a row is one
unit and one person, both by number.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.replies import REPLIED_STATES, Reply, round_replies
from alignbench.annotation.assigning.standings import Cells, Marks, Standing
from alignbench.annotation.rounds.forms import round_units
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.tables import ASSIGNMENTS, TASKS
from alignbench.schemas.vocabulary import (
    AnnotationUnit,
    AssignmentState,
    Purpose,
    TaskState,
    WithdrawnKind,
)
from alignbench.workspace.tables.numbered import ENCODED, Numbers, Rows, encoded, numbered
from alignbench.workspace.workspace import Workspace

STATES: Final = tuple(AssignmentState)
PURPOSES: Final = tuple(Purpose)
KINDS: Final = tuple(AnnotationUnit)
_OPEN, _CLOSED = STATES.index(AssignmentState.OPEN), STATES.index(AssignmentState.CLOSED)
_NO_REPLY: Final = -1
_STATE_OF_REPLY: Final = np.array([STATES.index(REPLIED_STATES[reply]) for reply in Reply])
_MEMBERS: Final = {"unit": KINDS, "purpose": PURPOSES, "state": STATES}
_READ: Final = ["unit_id", "annotator", "unit", "purpose", "wave", "state", "version"]
_SENT: Final = ["unit_id", "annotator", "purpose"]
_EMPTY: Final = pa.schema(
    [
        ("unit_id", ENCODED), ("annotator", ENCODED), ("unit", pa.int8()),
        ("purpose", pa.int8()), ("wave", pa.int32()), ("state", pa.int8()), ("version", pa.int64()),
    ]
).empty_table()  # fmt: skip


class Places(NamedTuple):
    """How many votes each unit has, and how many people are asked about it now, by its number."""

    votes: Numbers
    open: Numbers

    @property
    def total(self) -> Numbers:
        """Both together."""
        return self.votes + self.open


class WrittenQuestions(NamedTuple):
    """What table `assignments` says of questions, by their rows.

    Attributes:
        kinds: What they ask about at once, by its place in `KINDS`.
        purposes: Why they were asked, by its place in `PURPOSES`.
        waves: Which votes they are for.
        states: Their states, by the place in `STATES`.
        versions: The version of the row; 0 where none is written, since an earlier version of this
            program put them to people.
    """

    kinds: Numbers
    purposes: Numbers
    waves: Numbers
    states: Numbers
    versions: Numbers


class RoundQuestions:
    """The questions of one round.

    Attributes:
        round: Its name.
        kind: What it asks about at once.
        unit_ids: Units, each once: those that the caller numbered, then others.
        people: Names, each once.
        units: The unit of each question, by its place among them.
        annotators: Likewise the person of each question.
        written: What table `assignments` says of each.
        states: What has become of each, brought up to date with the answers; by its place in
            `STATES`.
    """

    def __init__(
        self, workspace: Workspace, round_name: str, unit_ids: pa.Array | None = None
    ) -> None:
        """Reads the tables.

        Args:
            workspace: Whose tables.
            round_name: The round.
            unit_ids: Units that are numbered in this order, asked about or not.
        """
        self._workspace = workspace
        self.round = round_name
        self.kind = round_units(workspace).get(round_name, AnnotationUnit.SENTENCE)
        tables = [self._written_rows(), self._sent_tasks()]
        if any(map(len, tables)):  # where nobody was asked, it matters not what was replied
            tables.append(self._round_replies)
        first = pa.chunked_array([] if unit_ids is None else [unit_ids], pa.string())
        units = numbered(first, *(table["unit_id"] for table in tables))
        people = numbered(*(table["annotator"] for table in tables))
        self.unit_ids = units.values
        self.people: Sequence[str] = people.values.to_pylist()
        columns = zip(units.columns[1:], people.columns, strict=True)
        pairs = [_Pairs(of_unit, of_person) for of_unit, of_person in columns]
        adopted = self._adopted(*pairs[:2])
        self.units, self.annotators = (
            np.concatenate([column, sent[adopted]]) for column, sent in zip(*pairs[:2], strict=True)
        )
        self.written = _written(tables[0], tables[1].take(pa.array(adopted)), self.kind)
        self._replies = np.full(len(self), _NO_REPLY)
        for replied in pairs[2:]:
            rows = self.rows(*replied)
            given = tables[2]["reply"].to_numpy()
            np.maximum.at(self._replies, rows[rows >= 0], given[rows >= 0])
        is_unanswered = self._replies == _NO_REPLY
        self.states: Numbers = np.where(
            is_unanswered, self.written.states, _STATE_OF_REPLY[self._replies]
        )

    def __len__(self) -> int:
        return len(self.units)

    @property
    def is_open(self) -> Marks:
        """Which of them are open."""
        marks: Marks = self.states == _OPEN
        return marks

    @property
    def is_closed(self) -> Marks:
        """Which of them are closed: taken back, or answered in a way that is void."""
        marks: Marks = self.states == _CLOSED
        return marks

    def rows(self, units: Numbers, annotators: Numbers) -> Numbers:
        """Returns the row of each of these questions; -1 where it was never asked."""
        return self._by_number.of(self._number(units, annotators))

    def table(self, which: Marks | None = None) -> pa.Table:
        """Returns `unit_id`, `annotator` and `state` of questions, one by one.

        Args:
            which: Which of them; all if None.
        """
        rows = np.arange(len(self)) if which is None else np.flatnonzero(which)
        people = pa.array(self.people, pa.string())
        states = pa.array([state.value for state in STATES])
        columns = [(self.unit_ids, self.units), (people, self.annotators), (states, self.states)]
        found = [values.take(pa.array(numbers[rows])) for values, numbers in columns]
        return pa.table(found, ["unit_id", "annotator", "state"])

    @property
    def holders(self) -> list[str]:
        """Everybody who has been asked something, in alphabetical order."""
        return sorted(self.people[one] for one in np.unique(self.annotators))

    def open_of(self, annotator: str) -> set[str]:
        """Returns the units that are open for somebody; nothing for who was asked nothing."""
        if annotator not in self.people:
            return set()
        theirs = self.is_open & (self.annotators == self.people.index(annotator))
        return set(self.unit_ids.take(pa.array(self.units[theirs])).to_pylist())

    def counts(self) -> dict[str, Counter[AssignmentState]]:
        """Returns how many questions of each person are in each state."""
        size = len(STATES)
        numbers, counts = np.unique(self.annotators * size + self.states, return_counts=True)
        found: dict[str, Counter[AssignmentState]] = {name: Counter() for name in self.holders}
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            found[self.people[number // size]][STATES[number % size]] = count
        return found

    def standings(self) -> Cells:
        """Returns where everybody stands, by question; what is open has not been begun."""
        excluded = set(withdrawn_ids(self._workspace, WithdrawnKind.ANNOTATOR).to_pylist())
        counts = np.array([name not in excluded for name in self.people], np.bool_)
        found = np.full(len(self), Standing.SPENT, np.uint8)
        no_reply = self._replies == _NO_REPLY
        found[no_reply & self.is_open] = Standing.WAITING
        found[no_reply & self.is_closed] = Standing.TAKEN_BACK
        found[(self._replies == Reply.VOTE) & counts[self.annotators]] = Standing.VOTED
        return found

    def places(self) -> Places:
        """Returns what each unit has."""
        standings, size = self.standings(), len(self.unit_ids)
        return Places(
            *(
                np.bincount(self.units[standings == standing], minlength=size)
                for standing in (Standing.VOTED, Standing.WAITING)
            )
        )

    @cached_property
    def skips(self) -> Numbers:
        """How many people have skipped each unit, whoever asked them."""
        replies = self._round_replies
        said = replies["reply"].to_numpy()
        if not (said == Reply.SKIP).any():
            return np.zeros(len(self.unit_ids), np.int64)
        first = pa.chunked_array([self.unit_ids])
        units, people = numbered(first, replies["unit_id"]), numbered(replies["annotator"])
        [of_units], [of_people] = units.columns[1:], people.columns
        numbers = of_units * len(people.values) + of_people
        skipped = np.unique(numbers[said == Reply.SKIP])
        skipped = skipped[~np.isin(skipped, numbers[said == Reply.VOTE])]
        found = np.bincount(skipped // len(people.values), minlength=len(units.values))
        return found[: len(self.unit_ids)]

    @cached_property
    def _round_replies(self) -> pa.Table:
        return round_replies(self._workspace, self.round, self.kind)

    @cached_property
    def _by_number(self) -> Rows:
        return Rows(self._number(self.units, self.annotators))

    def _number(self, units: Numbers, annotators: Numbers) -> Numbers:
        return units * len(self.people) + annotators

    def _adopted(self, written: "_Pairs", sent: "_Pairs") -> Numbers:
        """Returns the rows of sent tasks whose questions nothing is written of, one for each."""
        numbers = self._number(*sent)
        unknown = np.flatnonzero(Rows(self._number(*written)).of(numbers) < 0)
        newest_first = unknown[::-1]
        _, firsts = np.unique(numbers[newest_first], return_index=True)
        return newest_first[firsts]

    def _written_rows(self) -> pa.Table:
        of_round = pc.field("round") == self.round
        rows = self._workspace.table(ASSIGNMENTS).scan(
            [*_READ, "round"], of_round, having=("round", self.round)
        )
        return _gathered(_coded(batch.drop_columns("round")) for batch in rows)

    def _sent_tasks(self) -> pa.Table:
        """Returns the questions that stand in tasks: an earlier version wrote no rows of them."""
        where = (pc.field("round") == self.round) & pc.field("assignee").is_valid()
        where &= pc.field("state") == TaskState.CONFIRMED.value
        columns = ["sentence_id", "assignee", "purpose", "round", "state"]
        tasks = self._workspace.table(TASKS).scan(columns, where, having=("round", self.round))
        renamed = (batch.select(columns[:3]).rename_columns(_SENT) for batch in tasks)
        return _gathered(map(_coded, renamed))


class _Pairs(NamedTuple):
    units: Numbers
    annotators: Numbers


def _written(written: pa.Table, adopted: pa.Table, kind: AnnotationUnit) -> WrittenQuestions:
    """Returns what is written of questions, and then what would be of those that are adopted."""
    further = np.ones(len(adopted), np.int64)
    as_if_new = {
        "unit": further * KINDS.index(kind),
        "purpose": adopted["purpose"].to_numpy(),
        "wave": further,
        "state": further * _OPEN,
        "version": further * 0,
    }
    columns = (
        np.concatenate([written[name].to_numpy(), values]).astype(np.int64)
        for name, values in as_if_new.items()
    )
    return WrittenQuestions(*columns)


def _gathered(batches: Iterator[pa.Table]) -> pa.Table:
    return pa.concat_tables([_EMPTY, *batches], promote_options="default")


def _coded(batch: pa.Table) -> pa.Table:
    """Returns a batch with each id and name kept once, and members of enumerations by place."""
    for name, members in _MEMBERS.items():
        if name in batch.column_names:
            known = pa.array([member.value for member in members])
            codes = pc.index_in(batch[name], value_set=known).cast(pa.int8())
            batch = batch.set_column(batch.column_names.index(name), name, codes)
    return encoded(batch, "unit_id", "annotator")
