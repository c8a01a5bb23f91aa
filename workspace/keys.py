"""Sets of keys, held as one Arrow array: the anti-join that every resume stands on."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"


def key_column(table: pa.Table, columns: Sequence[str]) -> pa.ChunkedArray:
    """Returns the key of each row as one string: its columns, joined by a unit separator."""
    parts = [table.column(name).cast(pa.string()) for name in columns]
    if len(parts) == 1:
        return parts[0]
    return pc.binary_join_element_wise(
        *parts, _SEPARATOR, null_handling="replace", null_replacement=""
    )


class KeySet:
    """A set of keys of known size in memory: some 40 bytes a key of 32 characters."""

    def __init__(self, keys: pa.ChunkedArray) -> None:
        self._keys = pc.unique(keys)

    @classmethod
    def of(cls, keys: Iterable[str]) -> "KeySet":
        """Returns the set of these keys."""
        return cls(pa.chunked_array([pa.array(keys, pa.string())]))

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: str) -> bool:
        return bool(pc.is_in(pa.array([key]), value_set=self._keys)[0].as_py())

    def contains(self, keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Tells for each of the keys whether it is in the set, as a Boolean array."""
        return pc.is_in(keys, value_set=self._keys)

    def union(self, other: "KeySet") -> "KeySet":
        """Returns the set of the keys of both."""
        return KeySet(pa.chunked_array([self._keys, other._keys]))
