"""Sets of keys, held by their hashes: the anti-join that every resume stands on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\x1f"

_Bytes = npt.NDArray[np.bytes_]
_Hashes = npt.NDArray[np.uint64]

_WORD_BYTES = 8
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying loses nothing: two to the power of 64 over the golden ratio."""


def key_column(table: pa.Table, columns: Sequence[str]) -> pa.ChunkedArray:
    """Returns the key of each row as one string: its columns, joined by a unit separator.

    A null among several columns counts as empty text; a single column that is null gives null.
    """
    parts = [table.column(name).cast(pa.string()) for name in columns]
    if len(parts) == 1:
        return parts[0]
    return pc.binary_join_element_wise(
        *parts, _SEPARATOR, null_handling="replace", null_replacement=""
    )


class KeySet:
    """A set of keys, 40 bytes of memory for a key of 32 characters.

    Keys are kept apart by their length: those of one length are a NumPy array of fixed width in
    the order of their hashes, which are searched by bisection, so that asking costs the same
    however large the set is. (`pyarrow.compute.is_in` builds a hash table of the whole set at every
    call, and comparing bytes takes several times as long as comparing numbers.) A key that is found
    by its hash is compared itself. A null is no key.
    """

    def __init__(self, keys: pa.ChunkedArray) -> None:
        found: defaultdict[int, list[_Bytes]] = defaultdict(list)
        for chunk in keys.chunks:
            for group in _by_length(chunk):
                found[group.length].append(group.values)
        self._of_length = {
            length: _Hashed.of(np.concatenate(values)) for length, values in found.items()
        }

    @classmethod
    def of(cls, keys: Iterable[str]) -> "KeySet":
        """Returns the set of these keys."""
        return cls(pa.chunked_array([pa.array(keys, pa.string())]))

    def __len__(self) -> int:
        return sum(len(keys.values) for keys in self._of_length.values())

    def __contains__(self, key: str) -> bool:
        return bool(self._chunk_contains(pa.array([key], pa.string()))[0])

    def contains(self, keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Tells for each of the keys whether it is in the set, as a Boolean array."""
        if isinstance(keys, pa.ChunkedArray):
            chunks = [pa.array(self._chunk_contains(chunk)) for chunk in keys.chunks]
            return pa.chunked_array(chunks, pa.bool_())
        return pa.array(self._chunk_contains(keys))

    def union(self, other: "KeySet") -> "KeySet":
        """Returns the set of the keys of both."""
        both = KeySet.of(())
        for length in self._of_length.keys() | other._of_length.keys():
            halves = [k._of_length[length].values for k in (self, other) if length in k._of_length]
            both._of_length[length] = _Hashed.of(np.concatenate(halves))
        return both

    def _chunk_contains(self, keys: pa.Array) -> npt.NDArray[np.bool_]:
        result = np.zeros(len(keys), dtype=np.bool_)
        for group in _by_length(keys):
            known = self._of_length.get(group.length)
            if known is not None:
                result[group.positions] = known.has(group.values)
        return result


class KeyPlaces:
    """Where keys stand in a list that has each of them once.

    They are kept as in `KeySet`, so asking costs the same however long the list is.
    """

    def __init__(self, keys: pa.Array) -> None:
        self._of_length: dict[int, _Placed] = {}
        for group in _by_length(keys):
            hashes = _hashes(group.values)
            order = np.argsort(hashes)
            self._of_length[group.length] = _Placed(
                hashes[order], group.values[order], group.positions[order]
            )

    def of(self, keys: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Returns the place of each key, from 0; -1 where it is not in the list."""
        if isinstance(keys, pa.ChunkedArray):
            none = np.empty(0, np.int64)
            return np.concatenate([none, *(self.of(chunk) for chunk in keys.chunks)])
        result = np.full(len(keys), -1, np.int64)
        for group in _by_length(keys):
            known = self._of_length.get(group.length)
            if known is not None:
                result[group.positions] = known.places(group.values)
        return result


class _Placed(NamedTuple):
    """Keys of one length in ascending order of their hashes, and where they stand in their list."""

    hashes: _Hashes
    values: _Bytes
    positions: npt.NDArray[np.int64]

    def places(self, keys: _Bytes) -> npt.NDArray[np.int64]:
        hashes = _hashes(keys)
        places = np.searchsorted(self.hashes, hashes)
        found = np.full(len(keys), -1, np.int64)
        open_yet = np.arange(len(keys))
        while len(open_yet):  # once, unless somebody looked for keys of one hash
            here = places[open_yet]
            inside = here < len(self.hashes)
            open_yet, here = open_yet[inside], here[inside]
            alike = self.hashes[here] == hashes[open_yet]
            open_yet, here = open_yet[alike], here[alike]
            same = self.values[here] == keys[open_yet]
            found[open_yet[same]] = self.positions[here[same]]
            open_yet = open_yet[~same]
            places[open_yet] += 1
        return found


class _Hashed(NamedTuple):
    """Keys of one length, each once, in ascending order of their hashes.

    Attributes:
        hashes: Of each key.
        values: The keys.
        most_alike: How many keys share a hash at most; 1, unless somebody looked for such keys.
    """

    hashes: _Hashes
    values: _Bytes
    most_alike: int

    @classmethod
    def of(cls, values: _Bytes) -> "_Hashed":
        hashes, values = _in_order(values)
        alike = hashes[1:] == hashes[:-1]
        same = values[1:] == values[:-1]
        if (alike & ~same).any():
            hashes, values = _in_order(np.unique(values))
            _, counts = np.unique(hashes, return_counts=True)
            return cls(hashes, values, int(counts.max()))
        if same.any():
            first = np.concatenate([[True], ~same])
            hashes, values = hashes[first], values[first]
        return cls(hashes, values, 1)

    def has(self, keys: _Bytes) -> npt.NDArray[np.bool_]:
        """Tells for each key of that length whether it is among them."""
        hashes = _hashes(keys)
        places = np.searchsorted(self.hashes, hashes)
        found = np.zeros(len(keys), dtype=np.bool_)
        for further in range(self.most_alike):
            here = (places + further).clip(max=len(self.hashes) - 1)
            found |= self.values[here] == keys
        return found


def _in_order(values: _Bytes) -> tuple[_Hashes, _Bytes]:
    hashes = _hashes(values)
    order = np.argsort(hashes)
    return hashes[order], values[order]


def _hashes(values: _Bytes) -> _Hashes:
    """Returns a hash of each key: a polynomial of its bytes, taken as numbers of eight bytes."""
    words = -(-values.dtype.itemsize // _WORD_BYTES)
    whole = values.astype(f"S{words * _WORD_BYTES}").view(np.uint64).reshape(len(values), words)
    found = whole[:, 0].copy()
    for place in range(1, words):
        found *= _FACTOR
        found += whole[:, place]
    return found


class _OneLength(NamedTuple):
    """The keys of one length in bytes, and where in their array they stand."""

    length: int
    positions: npt.NDArray[np.int64]
    values: _Bytes


def _by_length(keys: pa.Array) -> Iterator[_OneLength]:
    keys = keys.cast(pa.string())
    lengths = pc.fill_null(pc.binary_length(keys), -1).to_numpy(zero_copy_only=False)
    for length in np.unique(lengths[lengths >= 0]).tolist():
        positions = np.flatnonzero(lengths == length)
        chosen = keys if len(positions) == len(keys) else keys.take(pa.array(positions))
        yield _OneLength(length, positions, _fixed_width(chosen, length))


def _fixed_width(keys: pa.Array, length: int) -> _Bytes:
    """Returns a view of strings that are all of one length; NumPy has no strings of length 0."""
    if length == 0:
        return np.zeros(len(keys), dtype="S1")
    _, offsets, data = keys.buffers()
    start = np.frombuffer(offsets, np.int32)[keys.offset]
    return np.frombuffer(data, f"S{length}", count=len(keys), offset=start)
