"""What is left to do of a stage: an anti-join of its inputs with what is done and what failed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.engine.report import StageCounts
from alignbench.engine.stage import StageInputs
from alignbench.schemas.tables import FAILURES
from alignbench.workspace.tables.keys import KeySet
from alignbench.workspace.workspace import Workspace


class Lease(NamedTuple):
    """Pending items for one worker: tables of one scope, or of all where the stage mixes them."""

    scope: str
    items: Iterator[pa.Table]


class Plan:
    """The pending items of a stage, as they stood when the run began."""

    def __init__(self, stage: StageInputs, workspace: Workspace, *, retry: bool = False) -> None:
        self._stage = stage
        self._retry = retry
        self._everything_done = stage.done()
        self._done = KeySet(self._everything_done.column("key"))
        failures = workspace.table(FAILURES).read(
            ["stage", "key", "kind", "attempts"], pc.field("stage") == stage.name.value
        )
        self._failures = failures
        self._failed = KeySet(failures.column("key"))
        self._repeated = np.empty(0, np.int64)
        self.duplicates = 0

    def pending_count(self) -> int:
        """Returns how many items are pending; one pass over the keys, made before `pending`.

        Of each key 8 bytes are kept, to know which keys may stand in the inputs twice.
        """
        hashes = [_hashes(batch) for batch in self._pending_batches(keys_only=True)]
        found, counts = np.unique(np.concatenate([self._repeated, *hashes]), return_counts=True)
        self._repeated = found[counts > 1]
        return len(found)

    def leases(self, rows: int, limit: int | None, *, mix_scopes: bool) -> Iterator[Lease]:
        """Yields the pending items, each once, as leases to be used up one after the other.

        Args:
            rows: How many items a table of a lease has, the last one aside.
            limit: Most items of all leases together.
            mix_scopes: Whether one lease may hold items of several scopes.
        """
        batches = _first(limit, self._first_of_each(self._pending_batches(keys_only=False)))
        if mix_scopes:
            yield Lease("", _chunks(batches, rows))
            return
        for scope, of_scope in groupby(_of_one_scope(batches), _scope_of):
            yield Lease(scope, _chunks(of_scope, rows))

    def attempts_before(self, keys: Sequence[str]) -> dict[str, int]:
        """Returns how often each of these items has failed before; only those that did."""
        if not keys:
            return {}
        asked = KeySet(pa.chunked_array([pa.array(keys, pa.string())]))
        before = self._failures.filter(asked.contains(self._failures.column("key")))
        return dict(zip(before["key"].to_pylist(), before["attempts"].to_pylist(), strict=True))

    def counts(self) -> list[StageCounts]:
        """Returns where the stage stands, for each source or generator."""
        kinds = self._failures["kind"]
        empties = KeySet(self._failures.filter(pc.equal(kinds, "empty"))["key"])
        tallies: dict[str, Counter[str]] = {}
        selected: list[pa.ChunkedArray] = []
        for batch in self._stage.inputs(keys_only=True):
            keys = batch.column("key")
            done = self._done.contains(keys)
            selected.append(keys.filter(done))
            states = pc.case_when(
                pc.make_struct(done, empties.contains(keys), self._failed.contains(keys)),
                "done", "empty", "failed", "pending",
            )  # fmt: skip
            _tally(tallies, batch.column("scope"), states)
        others = self._not_among(KeySet(_chained(selected)))
        _tally(tallies, others, pa.array(["not_selected"] * len(others)))
        return [
            StageCounts(
                self._stage.name,
                scope,
                tally["done"],
                tally["pending"],
                tally["failed"],
                tally["empty"],
                tally["not_selected"],
            )
            for scope, tally in tallies.items()
        ]

    def _not_among(self, selected: KeySet) -> pa.ChunkedArray:
        """Returns the scopes of everything done whose key is not among those selected and done."""
        done = self._everything_done
        if len(done) == len(selected):  # then they are the same keys, each once
            return done.slice(0, 0).column("scope")
        return done.filter(pc.invert(selected.contains(done.column("key")))).column("scope")

    def _pending_batches(self, *, keys_only: bool) -> Iterator[pa.Table]:
        for batch in self._stage.inputs(keys_only):
            keys = batch.column("key")
            pending = pc.invert(self._done.contains(keys))
            failed = self._failed.contains(keys)
            pending = pc.and_(pending, failed if self._retry else pc.invert(failed))
            found = batch.filter(pending)
            if len(found):
                yield found

    def _first_of_each(self, batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
        seen: set[str] = set()
        for batch in batches:
            fresh = np.ones(len(batch), np.bool_)
            for row in np.flatnonzero(np.isin(_hashes(batch), self._repeated)):
                key = batch["key"][int(row)].as_py()
                fresh[row] = key not in seen
                seen.add(key)
            self.duplicates += len(batch) - int(fresh.sum())
            yield batch if fresh.all() else batch.filter(pa.array(fresh))


def _hashes(batch: pa.Table) -> npt.NDArray[np.int64]:
    return np.array([hash(key) for key in batch["key"].to_pylist()], np.int64)


def _chained(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())


def _scope_of(piece: pa.Table) -> str:
    return str(piece["scope"][0].as_py())


def _of_one_scope(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    for batch in batches:
        scopes = batch["scope"].to_pylist()
        start = 0
        for end in range(1, len(scopes) + 1):
            if end == len(scopes) or scopes[end] != scopes[start]:
                yield batch.slice(start, end - start)
                start = end


def _first(limit: int | None, batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    left = limit
    while left != 0 and (batch := next(batches, None)) is not None:
        yield batch if left is None else batch.slice(0, left)
        left = None if left is None else max(0, left - len(batch))


def _chunks(batches: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for batch in batches:
        waiting.append(batch)
        while sum(map(len, waiting)) >= rows:
            whole = pa.concat_tables(waiting)
            waiting = [whole.slice(rows)] if len(whole) > rows else []
            yield whole.slice(0, rows)
    if waiting:
        yield pa.concat_tables(waiting)


def _tally(
    tallies: dict[str, Counter[str]], scopes: pa.ChunkedArray, states: pa.ChunkedArray | pa.Array
) -> None:
    table = pa.table({"scope": scopes, "state": states})
    counted = table.group_by(["scope", "state"], use_threads=False).aggregate([([], "count_all")])
    columns = (counted[name].to_pylist() for name in ("scope", "state", "count_all"))
    for scope, state, count in zip(*columns, strict=True):
        tallies.setdefault(scope, Counter())[state] += count
