"""Rows of table `assignments` for what a deal changes, and for what became of questions since."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.annotation.assigning.questions import (
    KINDS,
    PURPOSES,
    STATES,
    RoundQuestions,
    WrittenQuestions,
)
from alignbench.annotation.assigning.standings import Deal
from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.rows.annotation import Assignment
from alignbench.schemas.vocabulary import AssignmentState
from alignbench.workspace.tables.numbered import Numbers

_AT_ONCE: Final = 100_000
_OPEN, _CLOSED = STATES.index(AssignmentState.OPEN), STATES.index(AssignmentState.CLOSED)


class Moves(NamedTuple):
    """What a deal changes.

    Attributes:
        people: The people whom it numbers.
        deal: Its moves.
        purposes: For each unit why it is put to anybody, by its place in `PURPOSES`.
        waves: For each unit which votes it would be put to somebody for now.
    """

    people: Sequence[str]
    deal: Deal
    purposes: Numbers
    waves: Numbers


class _Rows(NamedTuple):
    units: Numbers
    people: Numbers
    values: WrittenQuestions


def changed_rows(questions: RoundQuestions, moves: Moves) -> Iterator[pa.Table]:
    """Yields the rows that are not, or not so, in the table, some at a time.

    Args:
        questions: The questions before the deal.
        moves: What the deal changes.
    """
    people = pa.array(questions.people, pa.string())
    yield from _tables(questions, people, _rewritten(questions, moves))
    yield from _tables(questions, pa.array(moves.people, pa.string()), _new(questions, moves))


def _rewritten(questions: RoundQuestions, moves: Moves) -> _Rows:
    """Returns what changes of questions that have been asked before."""
    written, deal = questions.written, moves.deal
    rows = _places(questions, moves)
    moved, is_open, units = (values[rows >= 0] for values in (rows, deal.is_open, deal.units))
    states, waves = questions.states.copy(), written.waves.copy()
    states[moved] = np.where(is_open, _OPEN, _CLOSED)
    waves[moved[is_open]] = moves.waves[units[is_open]]
    differs = (states != written.states) | (waves != written.waves) | (written.versions == 0)
    changed = np.flatnonzero(differs)
    values = WrittenQuestions(
        written.kinds[changed],
        written.purposes[changed],
        waves[changed],
        states[changed],
        written.versions[changed] + 1,
    )
    return _Rows(questions.units[changed], questions.annotators[changed], values)


def _new(questions: RoundQuestions, moves: Moves) -> _Rows:
    """Returns what is asked for the first time."""
    is_new = _places(questions, moves) < 0
    units = moves.deal.units[is_new]
    same = np.ones(len(units), np.int64)
    values = WrittenQuestions(
        same * KINDS.index(questions.kind),
        moves.purposes[units],
        moves.waves[units],
        same * _OPEN,
        same,
    )
    return _Rows(units, moves.deal.people[is_new], values)


def _places(questions: RoundQuestions, moves: Moves) -> Numbers:
    """Returns the row of each moved question; -1 where it is asked for the first time."""
    place_of = {name: place for place, name in enumerate(questions.people)}
    places = np.array([place_of.get(name, -1) for name in moves.people], np.int64)
    people = places[moves.deal.people]
    return np.where(people < 0, -1, questions.rows(moves.deal.units, people.clip(min=0)))


def _tables(questions: RoundQuestions, people: pa.Array, rows: _Rows) -> Iterator[pa.Table]:
    kinds, purposes, states = (
        pa.array([member.value for member in members]) for members in (KINDS, PURPOSES, STATES)
    )
    schema = arrow_schema(Assignment)
    for start in range(0, len(rows.units), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        kind, purpose, wave, state, version = (column[some] for column in rows.values)
        columns = {
            "round": pa.repeat(pa.scalar(questions.round), len(kind)),
            "unit_id": questions.unit_ids.take(pa.array(rows.units[some])),
            "annotator": people.take(pa.array(rows.people[some])),
            "unit": kinds.take(pa.array(kind)),
            "purpose": purposes.take(pa.array(purpose)),
            "wave": pa.array(wave).cast(pa.int32()),
            "state": states.take(pa.array(state)),
            "version": pa.array(version),
        }
        yield pa.table(columns, schema=schema)
