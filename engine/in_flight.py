"""The items of a lease that a stage was handed and has not answered."""

from collections import Counter
from collections.abc import Iterator
from threading import Lock

import pyarrow as pa

from alignbench.engine.errors import BackendContractError


class InFlight:
    """Hands out items as a stage takes them, and remembers those without an outcome.

    Safe for one thread that takes items and another that tells of outcomes. Of answered items
    nothing is kept.

    Attributes:
        broken: What reading the items raised, if it did: no fault of the stage's.
    """

    def __init__(self, items: Iterator[pa.Table]) -> None:
        self._items = items
        self._reading, self._counting = Lock(), Lock()
        self._tables: dict[int, pa.Table] = {}
        self._open: dict[str, tuple[int, str]] = {}
        self._open_in: Counter[int] = Counter()
        self._taken = 0
        self._at_end = False
        self.broken: Exception | None = None

    def stream(self) -> Iterator[pa.Table]:
        """Yields what is without an outcome, then further items as they are taken."""
        again = self.unanswered()
        if len(again):
            yield again
        while (table := self._one_more_table()) is not None:
            yield table

    def is_done(self) -> bool:
        """Tells whether every item has an outcome; takes further items to find out."""
        return not self._open and self._one_more_table() is None

    def answered(self, key: str) -> str:
        """Notes that an item has an outcome, and returns its scope.

        Raises:
            BackendContractError: Nobody is waiting for it.
        """
        with self._counting:
            if key not in self._open:
                raise _contract(f"An outcome came for {key}, which nobody is waiting for.")
            number, scope = self._open.pop(key)
            self._open_in[number] -= 1
            if not self._open_in[number]:
                del self._open_in[number], self._tables[number]
            return scope

    def unanswered(self) -> pa.Table:
        """Returns the items without an outcome, in the order in which they were handed out."""
        with self._counting:
            rows = [
                table.filter(pa.array([key in self._open for key in table["key"].to_pylist()]))
                for table in self._tables.values()
            ]
        return pa.concat_tables(rows) if rows else pa.table({})

    def settle_all(self) -> None:
        """Notes that everything that was handed out has an outcome, which was told elsewhere."""
        with self._counting:
            self._tables.clear()
            self._open.clear()
            self._open_in.clear()

    def check_all_answered(self) -> None:
        """Checks that the stage took every item and left none without an outcome.

        Raises:
            BackendContractError: It did not.
        """
        if self._open:
            raise _contract(f"{len(self._open):,} items were left without an outcome.")
        if not self._at_end and self._one_more_table() is not None:
            raise _contract("Not all items were taken.")

    def _one_more_table(self) -> pa.Table | None:
        with self._reading:
            if self._at_end:
                return None
            try:
                table = next(self._items)
            except StopIteration:
                self._at_end = True
                return None
            except Exception as error:
                self.broken = error
                raise
            self._note(table)
            return table

    def _note(self, table: pa.Table) -> None:
        number = self._taken
        self._taken += 1
        keys, scopes = table["key"].to_pylist(), table["scope"].to_pylist()
        with self._counting:
            self._tables[number] = table
            self._open_in[number] = len(keys)
            for key, scope in zip(keys, scopes, strict=True):
                self._open[key] = number, scope


def _contract(what: str) -> BackendContractError:
    return BackendContractError(
        what, "What was finished is kept. Correct the backend: one outcome for each item."
    )
