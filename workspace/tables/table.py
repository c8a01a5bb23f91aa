"""A table: the current rows of all its parts.

Parts are only ever added (and merged), so a key may have been written twice: by two workers that
did the same commit, or as a newer version. Readers see one row a key:

- *immutable* tables: the oldest row wins (`created_at`), so that text never changes under sentences
  that were cut from it; of rows that are equally old, the one with the lower hash of its content;
- *versioned* tables: the row with the highest version wins, and of equals the one with the lower
  hash.

Memory: key columns are held whole, everything else streams.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Generic

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.columns import Row, from_batch, to_batch
from alignbench.schemas.tables import CREATED_AT, RUN_ID, TableSpec
from alignbench.workspace.errors import ObjectNotFoundError
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.kept_listings import (
    FEWEST_BYTES,
    FEWEST_PARTS,
    keep_listing,
    kept_listing,
)
from alignbench.workspace.tables.keys import KeySet, key_column
from alignbench.workspace.tables.listing import Listing, take_listing
from alignbench.workspace.tables.parts import Part, encode_batches, encode_part, part_folder

BATCH_ROWS = 32_768
_RELISTINGS = 20


class Table(Generic[Row]):
    """One table of a workspace."""

    def __init__(self, store: ObjectStore, spec: TableSpec[Row]) -> None:
        self.store = store
        self.spec = spec
        self._known: Listing | None = None
        self._bytes = 0

    def append(self, rows: Sequence[Row], run_id: str) -> str | None:
        """Commits rows as one part.

        Args:
            rows: Rows of this table.
            run_id: Stamped on each, with the time.

        Returns:
            The part's name, or None if there was no row.
        """
        return self.append_table(pa.Table.from_batches([to_batch(self.spec.row, rows)]), run_id)

    def append_table(self, rows: pa.Table, run_id: str) -> str | None:
        """Commits rows that are an Arrow table already, with their class's columns, as one part."""
        if not len(rows):
            return None
        return self._commit(*encode_part(self.spec.name, _stamped(rows, datetime.now(UTC), run_id)))

    def append_batches(self, batches: Iterable[pa.Table], run_id: str) -> str | None:
        """Commits rows that come some at a time as one part, which may have any number of rows."""
        now = datetime.now(UTC)
        stamped = (_stamped(rows, now, run_id) for rows in batches if len(rows))
        first = next(stamped, None)
        if first is None:
            return None
        return self._commit(*encode_batches(self.spec.name, first, stamped))

    def part_names(self) -> list[str]:
        """Returns the names of the parts that are there now.

        A listing is not one moment: a merge beside it may delete a source before the listing comes
        to it, and have written the merged part where the listing has already been. So it is taken
        again until nothing of the one before is missing.
        """
        names = self._listed_once()
        for _ in range(_RELISTINGS):
            before, names = names, self._listed_once()
            if before <= names:
                return sorted(names)
        raise self._unstable()

    def scan(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        batch_rows: int = BATCH_ROWS,
        having: tuple[str, str] | None = None,
    ) -> Iterator[pa.Table]:
        """Yields the current rows in tables of at most `batch_rows` rows, part by part.

        What is appended while the scan runs is not seen by it; parts merged by `compact` while it
        runs are read on in the merged part.

        Args:
            columns: Which to read; None reads all.
            where: Filter on these columns.
            batch_rows: Upper bound of a yielded table's rows.
            having: A column of text, and the value that `where` asks of it: a part whose statistics
                exclude that value is not decoded.
        """
        wanted = list(columns) if columns is not None else self.spec.schema.names
        for batch in self._current(wanted, batch_rows, having):
            found = batch if where is None else batch.filter(where)
            if len(found):
                yield found

    def read(
        self,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        having: tuple[str, str] | None = None,
    ) -> pa.Table:
        """Returns the current rows whole. For key columns and small tables only."""
        wanted = list(columns) if columns is not None else self.spec.schema.names
        fields = [self.spec.schema.field(name).with_nullable(True) for name in wanted]
        return pa.concat_tables(
            [pa.schema(fields).empty_table(), *self.scan(wanted, where, having=having)]
        )

    def rows(
        self, where: pc.Expression | None = None, having: tuple[str, str] | None = None
    ) -> Iterator[Row]:
        """Yields the current rows as instances of their class."""
        for batch in self.scan(where=where, having=having):
            yield from from_batch(self.spec.row, batch)

    def keys(
        self,
        *columns: str,
        where: pc.Expression | None = None,
        filter_columns: Sequence[str] = (),
    ) -> KeySet:
        """Returns the set of values of these columns; without any, of the table's key.

        Args:
            columns: Columns that make the key.
            where: Filter on these columns and the next.
            filter_columns: Columns that only the filter needs.
        """
        wanted = list(columns) or list(self.spec.key)
        needed = list(dict.fromkeys([*wanted, *filter_columns]))
        found = [key_column(batch, wanted) for batch in self.scan(needed, where)]
        return KeySet(pa.chunked_array([c for f in found for c in f.chunks], pa.string()))

    def count(self) -> int:
        """Returns the number of current rows."""
        return self._listing().row_count

    def _commit(self, name: str, data: bytes) -> str:
        self.store.write(f"{part_folder(self.spec.name)}/{name}", data)
        return name

    def _current(
        self, columns: Sequence[str], batch_rows: int, having: tuple[str, str] | None
    ) -> Iterator[pa.Table]:
        listing = self._listing()
        owed = set(listing.all_leaves)
        begun_with = frozenset(owed)
        for _ in range(_RELISTINGS):
            try:
                for name, leaves in listing.leaves.items():
                    if owed.isdisjoint(leaves):
                        continue
                    part = Part(self.store, self.spec, name)
                    if having is not None and not part.may_hold(*having):
                        owed -= leaves
                        continue
                    rows = part.rows_of(leaf.name in owed for leaf in part.leaves)
                    if name in listing.current:
                        rows &= listing.current[name]
                    if rows.any():
                        yield from part.batches(columns, batch_rows, rows)
                    owed -= leaves
            except ObjectNotFoundError:  # merged into another part since it was listed
                listing = self._take_listing(begun_with)
                continue
            if not owed:
                return
            listing = self._take_listing(begun_with)
        raise self._unstable()

    def _listing(self) -> Listing:
        if self._known is None or list(self._known.leaves) != self.part_names():
            self._known = self._take_listing()
        return self._known

    def _take_listing(self, within: Collection[str] | None = None) -> Listing:
        for _ in range(_RELISTINGS):
            names = self.part_names()
            is_kept = within is None and self._is_large(names)
            if is_kept and (kept := kept_listing(self.store, self.spec, names)) is not None:
                return kept
            with suppress(ObjectNotFoundError):  # merged into another part since it was listed
                taken = take_listing(self.store, self.spec, names, within)
                if is_kept:
                    keep_listing(self.store, self.spec, taken)
                return taken
        raise self._unstable()

    def _is_large(self, names: Sequence[str]) -> bool:
        return len(names) >= FEWEST_PARTS or self._bytes >= FEWEST_BYTES

    def _listed_once(self) -> set[str]:
        listed = self.store.list(part_folder(self.spec.name))
        sizes = {
            info.key.rpartition("/")[2]: info.size
            for info in listed
            if info.key.endswith(".parquet")
        }
        self._bytes = sum(sizes.values())
        return set(sizes)

    def _unstable(self) -> ObjectNotFoundError:
        return ObjectNotFoundError(
            f"Parts of table {self.spec.name} in {self.store.url} keep disappearing.",
            "Something else deletes files there: stop it, and run the command again.",
        )


def _stamped(rows: pa.Table, now: datetime, run_id: str) -> pa.Table:
    times = pa.repeat(pa.scalar(now, CREATED_AT.type), len(rows))
    rows = rows.append_column(CREATED_AT, times)
    return rows.append_column(RUN_ID, pa.repeat(pa.scalar(run_id, RUN_ID.type), len(rows)))
