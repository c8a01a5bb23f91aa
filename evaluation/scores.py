"""The table of scores: what was scored by which detector, and what came of it.

It lies in a workspace, or in the folder of an evaluation; a killed run goes on from it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.rows import Score
from alignbench.schemas.tables import SCORES
from alignbench.schemas.vocabulary import ScoreStatus
from alignbench.workspace.keys import KeySet, key_column
from alignbench.workspace.store import ObjectStore
from alignbench.workspace.table import Table

_KEY = ("sentence_id", "image_id")
_READ = ("sentence_id", "image_id", "detector_id", "score", "words", "status", "note", "attempts")


class Pending(NamedTuple):
    """Sentences that are to be scored, and how often each was tried before."""

    sentences: pa.Table
    attempts: dict[str, int]


class ScoreTable:
    """The scores in a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._table: Table[Score] = Table(store, SCORES)

    def append(self, rows: Sequence[Score], run_id: str) -> None:
        """Commits rows as one part."""
        self._table.append(rows, run_id)

    def pending(self, sentences: pa.Table, detector_id: str, *, retry: bool) -> Pending:
        """Returns the sentences that a detector has not scored.

        Args:
            sentences: Those that are to be scored.
            detector_id: Whose scores count.
            retry: Whether sentences without a usable score are to be tried again.
        """
        done = self.of(detector_id)
        failed = pc.is_in(done["status"], pa.array([ScoreStatus.FAILED, ScoreStatus.INVALID]))
        if retry:
            done, again = done.filter(pc.invert(failed)), done.filter(failed)
            attempts = dict(zip(again["sentence_id"].to_pylist(), again["attempts"].to_pylist(),
                                strict=True))  # fmt: skip
        else:
            attempts = {}
        known = KeySet(key_column(done, _KEY))
        missing = pc.invert(known.contains(key_column(sentences, _KEY)))
        return Pending(sentences.filter(missing), attempts)

    def of(self, detector_id: str) -> pa.Table:
        """Returns the current rows of a detector."""
        return self._table.read(_READ, pc.field("detector_id") == detector_id)
