"""Strings as numbers, so that what is asked of millions of them is asked of a few arrays."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]

ENCODED: Final = pa.dictionary(pa.int32(), pa.string())
"""Strings of which each is kept once."""
_MOST: Final = np.iinfo(np.int64).max


class Numbered(NamedTuple):
    """Columns whose strings are numbered alike.

    Attributes:
        values: The strings, each once.
        columns: For each row of each column the place of its string among them.
    """

    values: pa.Array
    columns: Sequence[Numbers]


def numbered(*columns: pa.ChunkedArray) -> Numbered:
    """Numbers the strings of some columns alike, in the order in which they come.

    Args:
        columns: Strings, none of them null; best encoded batch by batch (`encoded`), so that they
            are never held row by row.
    """
    parts = [column.cast(ENCODED).chunks for column in columns]
    chunks = [chunk for of_column in parts for chunk in of_column]
    unified = pa.chunked_array(chunks, ENCODED).unify_dictionaries().chunks
    values = unified[0].dictionary if unified else pa.array([], pa.string())
    codes = iter([chunk.indices.to_numpy() for chunk in unified])
    none = np.zeros(0, np.int64)
    found = [np.concatenate([none, *(next(codes) for _ in of_column)]) for of_column in parts]
    return Numbered(values, found)


def encoded(batch: pa.Table, *names: str) -> pa.Table:
    """Returns a batch with each string of these columns kept once."""
    for name in names:
        place = batch.column_names.index(name)
        batch = batch.set_column(place, name, batch[name].cast(ENCODED))
    return batch


def joined(columns: Sequence[Numbered]) -> Numbers:
    """Returns one number for each row of several columns: equal where all of theirs are."""
    found: Numbers = np.zeros(1, np.int64)
    size = 1
    for values, [numbers] in columns:
        if size * max(1, len(values)) > _MOST:
            found = np.unique(found, return_inverse=True)[1].astype(np.int64)
            size = len(found)
        found = (found * len(values) + numbers).astype(np.int64)
        size *= max(1, len(values))
    return found


class Rows:
    """Finds rows by a number that each has to itself."""

    def __init__(self, numbers: Numbers) -> None:
        self._order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._order]

    def of(self, numbers: Numbers) -> Numbers:
        """Returns the row of each of these numbers; -1 where there is none."""
        if not len(self._sorted):
            return np.full(len(numbers), -1, np.int64)
        places = np.searchsorted(self._sorted, numbers).clip(max=len(self._sorted) - 1)
        return np.where(self._sorted[places] == numbers, self._order[places], -1)
