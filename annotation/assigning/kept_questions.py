"""The questions of a round that were not taken back, found by what they are about."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.standings import Marks
from alignbench.workspace.tables.keys import KeyPlaces
from alignbench.workspace.tables.numbered import Numbers, numbered


class AskedRows(NamedTuple):
    """Rows of a table of units that somebody is asked about, in their order."""

    annotator: str
    rows: pa.Array


class KeptQuestions:
    """Questions that are open or have been replied to.

    Attributes:
        holders: All annotators, those included from whom everything was taken back.
    """

    def __init__(self, questions: RoundQuestions) -> None:
        """Sorts them by their units."""
        self._all = questions
        self.holders = questions.holders
        kept = np.flatnonzero(~questions.is_closed)
        self._by_unit = kept[np.argsort(questions.units[kept], kind="stable")]
        size = len(questions.unit_ids)
        self._starts = np.searchsorted(questions.units[self._by_unit], np.arange(size + 1))
        self._places = KeyPlaces(questions.unit_ids)

    def counts(self) -> Mapping[str, int]:
        """Returns how many units each annotator is asked about; only those who have some."""
        size = len(self._all.people)
        counts = np.bincount(self._all.annotators[self._by_unit], minlength=size)
        found = dict(zip(self._all.people, counts.tolist(), strict=True))
        return {name: found[name] for name in self.holders if found[name]}

    def of_each(self, unit_ids: pa.ChunkedArray) -> Iterator[AskedRows]:
        """Yields, for each annotator, which of some units they are asked about."""
        begin, counts = self._questions_of(unit_ids)
        rows = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        annotators = self._all.annotators[self._by_unit[np.repeat(begin, counts) + within]]
        for name in self.holders:
            theirs = rows[annotators == self._all.people.index(name)]
            if len(theirs):
                yield AskedRows(name, pa.array(theirs))

    def is_dealt(self, unit_ids: pa.ChunkedArray) -> Marks:
        """Tells of each unit whether anybody is asked about it."""
        _, counts = self._questions_of(unit_ids)
        return counts > 0

    def done(self, sent: pa.Table) -> pa.Table:
        """Returns those that were sent or have a reply.

        Args:
            sent: Unit and annotator of what was sent; the result has the same columns.
        """
        questions = self._all
        unit, annotator = sent.column_names
        first = pa.chunked_array([questions.unit_ids], pa.string())
        known, units = numbered(first, sent[unit]).columns
        people = pa.chunked_array([pa.array(questions.people, pa.string())])
        known_people, annotators = numbered(people, sent[annotator]).columns
        is_known = (units < len(known)) & (annotators < len(known_people))
        is_done = ~questions.is_closed & ~questions.is_open
        rows = questions.rows(units[is_known], annotators[is_known])
        is_done[rows[rows >= 0]] |= ~questions.is_closed[rows[rows >= 0]]
        return questions.table(is_done).drop_columns("state").rename_columns(sent.column_names)

    def _questions_of(self, unit_ids: pa.ChunkedArray) -> tuple[Numbers, Numbers]:
        """Returns where the questions of each unit begin, and how many they are."""
        places = self._places.of(unit_ids)
        begin = self._starts[places]
        counts = np.where(places < 0, 0, self._starts[places + 1] - begin)
        return begin, counts
