"""What a round asks about, in columns: a round may have a million units."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.standings import Marks
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.tables.numbered import ENCODED, Numbers

_SCHEMA: Final = pa.schema(
    [
        ("unit_id", pa.string()), ("image_id", ENCODED), ("purpose", ENCODED),
        ("sentence_ids", pa.list_(pa.string())), ("votes", pa.int32()),
    ]
)  # fmt: skip


class Asked(NamedTuple):
    """A unit that a round asks about.

    Attributes:
        unit_id: Its id.
        image_id: Its image.
        purpose: Why it is asked about.
        sentence_ids: Its sentences; empty if it is one itself.
        votes: How many votes it is to have; None leaves that to the round's form.
    """

    unit_id: str
    image_id: str
    purpose: Purpose
    sentence_ids: tuple[str, ...] = ()
    votes: int | None = None


class Sentences(NamedTuple):
    """The sentences of units.

    Attributes:
        sentence_ids: Their ids.
        units: The number of the unit that each belongs to.
    """

    sentence_ids: pa.Array
    units: Numbers


class AskedUnits:
    """The units of a round, numbered in their order; those of an image come one after another.

    Attributes:
        unit_ids: Their ids.
        is_gold: Which of them are gold.
        image_ids: Their images, in the same order.
        image_starts: Number of the first unit of each image, and at the end how many units there
            are.
        images: For each unit the place of its image among `image_ids`.
        votes: How many votes each is to have; -1 leaves that to the round's form.
    """

    def __init__(self, tables: Iterable[pa.Table] = ()) -> None:
        """Takes units in tables with the fields of `Asked`.

        `sentence_ids` may be null, or left out, where a unit is a sentence itself; so may `votes`.
        """
        table = pa.concat_tables([_SCHEMA.empty_table(), *map(_narrowed, tables)])
        table = table.unify_dictionaries().combine_chunks()
        self._table = table
        self.unit_ids: pa.Array = _whole(table["unit_id"])
        self.is_gold: Marks = _marks(pc.equal(table["purpose"], Purpose.GOLD.value))
        votes = pc.fill_null(table["votes"], -1)
        self.votes: Numbers = votes.to_numpy().astype(np.int64)
        images = _whole(table["image_id"])
        codes = images.indices.to_numpy()
        is_first = np.ones(len(codes), np.bool_)
        is_first[1:] = codes[1:] != codes[:-1]
        firsts = np.flatnonzero(is_first)
        self.image_ids: pa.Array = images.dictionary.take(pa.array(codes[firsts]))
        self.image_starts: Numbers = np.append(firsts, len(codes))
        self.images: Numbers = np.cumsum(is_first) - 1

    @classmethod
    def of(cls, units: Iterable[Asked]) -> "AskedUnits":
        """Returns units that are there one by one."""
        rows = [{**one._asdict(), "sentence_ids": one.sentence_ids or None} for one in units]
        schema = _SCHEMA.set(1, pa.field("image_id", pa.string()))
        return cls([pa.Table.from_pylist(rows, schema.set(2, pa.field("purpose", pa.string())))])

    def __len__(self) -> int:
        return len(self.unit_ids)

    def __iter__(self) -> Iterator[Asked]:
        """Yields the units one by one, which is for small rounds."""
        for row in self._table.to_pylist():
            ids = tuple(row["sentence_ids"] or ())
            purpose = Purpose(row["purpose"])
            yield Asked(row["unit_id"], row["image_id"], purpose, ids, row["votes"])

    def sentences(self) -> Sentences:
        """Returns the sentences of all units."""
        lists = _whole(self._table["sentence_ids"])
        alone = np.flatnonzero(_marks(pc.is_null(lists)))
        units = np.concatenate([alone, pc.list_parent_indices(lists).to_numpy()])
        ids = [self.unit_ids.take(pa.array(alone)), pc.list_flatten(lists)]
        return Sentences(pa.concat_arrays(ids), units)

    def with_any_of(self, sentence_ids: Collection[str]) -> Marks:
        """Tells for each unit whether one of its sentences is among these."""
        found = np.zeros(len(self), np.bool_)
        if sentence_ids:
            own = self.sentences()
            is_one = pc.is_in(own.sentence_ids, value_set=pa.array(sentence_ids, pa.string()))
            found[own.units[_marks(is_one)]] = True
        return found


def _narrowed(table: pa.Table) -> pa.Table:
    """Returns the columns that are kept, each image and purpose once."""
    return pa.table(
        [
            table[field.name].cast(field.type)
            if field.name in table.column_names
            else pa.nulls(len(table), field.type)
            for field in _SCHEMA
        ],
        schema=_SCHEMA,
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _marks(found: pa.Array | pa.ChunkedArray) -> Marks:
    marks: Marks = found.to_numpy() if isinstance(found, pa.ChunkedArray) else found.to_numpy(False)
    return marks
