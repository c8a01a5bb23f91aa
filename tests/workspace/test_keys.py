"""A key set is a set: it says what Python's own set says."""

import pickle

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from alignbench.workspace.tables.keys import (
    _FACTOR,
    KeyPlaces,
    KeySet,
    _Hashed,
    _hashes,
    key_column,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
nullable = st.lists(st.none() | texts, max_size=20)


def chunked(values: list[str | None], cut: int) -> pa.ChunkedArray:
    """Returns the values in two chunks that do not begin where their buffers begin."""
    whole = pa.array(["before", *values], pa.string()).slice(1)
    return pa.chunked_array([whole.slice(0, cut), whole.slice(cut)], pa.string())


@given(nullable, nullable, st.integers(0, 20))
def test_a_key_set_contains_what_a_set_contains(
    known: list[str | None], asked: list[str | None], cut: int
) -> None:
    expected = set(known) - {None}
    keys = KeySet(chunked(known, cut))
    assert len(keys) == len(expected)
    answers = keys.contains(chunked(asked, cut))
    assert answers.to_pylist() == [key in expected for key in asked]
    assert answers.type == pa.bool_()
    assert keys.contains(pa.array(asked, pa.string())).to_pylist() == answers.to_pylist()
    assert [key in keys for key in asked if key is not None] == [
        key in expected for key in asked if key is not None
    ]


@given(st.sets(texts), st.sets(texts))
def test_a_union_has_the_keys_of_both(first: set[str], second: set[str]) -> None:
    both = KeySet.of(first).union(KeySet.of(second))
    assert len(both) == len(first | second)
    assert all(key in both for key in first | second)


def test_keys_that_differ_in_trailing_zeros_are_different() -> None:
    keys = KeySet.of(["a", "a\x00", "\x00\x00"])
    assert len(keys) == 3
    assert "a\x00\x00" not in keys
    assert "\x00" not in keys


def test_the_answers_filter_a_table() -> None:
    table = pa.concat_tables([pa.table({"key": ["a", "b"]}), pa.table({"key": ["b", "c"]})])
    found = table.filter(KeySet.of(["b", "d"]).contains(table["key"]))
    assert found["key"].to_pylist() == ["b", "b"]


def test_a_key_set_can_be_sent_to_another_process() -> None:
    keys = pickle.loads(pickle.dumps(KeySet.of(["a", "bc"])))
    assert "bc" in keys


def test_the_columns_of_a_key_do_not_run_into_each_other() -> None:
    table = pa.table({"a": ["x", "xy"], "b": ["yz", "z"], "c": pa.array([None, 1], pa.int64())})
    keys = key_column(table, ["a", "b", "c"]).to_pylist()
    assert len(set(keys)) == 2


def alike(first: bytes, second: bytes) -> bytes:
    """Returns a key that differs from two words and has the hash that they make."""
    other = bytes([first[0] + 1]) + first[1:]
    words = (int.from_bytes(word, "little") for word in (first, second, other))
    a, b, c = words
    rest = (a * int(_FACTOR) + b - c * int(_FACTOR)) % 2**64
    return other + rest.to_bytes(8, "little")


def test_keys_of_one_hash_are_told_apart() -> None:
    first = b"key numb" + b"er one.."
    second = alike(first[:8], first[8:])
    values = np.array([first, second, b"something other."], dtype="S16")
    assert len({int(found) for found in _hashes(values)}) == 2
    for order in ([0, 1, 0, 2, 1, 0], [2, 1, 0], [1, 1]):
        known = _Hashed.of(values[order])
        assert len(known.values) == len(set(order))
        assert known.has(values).tolist() == [place in order for place in range(3)]


@given(st.lists(texts, unique=True, max_size=20), nullable, st.integers(0, 20))
def test_a_key_is_found_at_its_place(known: list[str], asked: list[str | None], cut: int) -> None:
    expected = [-1 if key not in known else known.index(key) for key in asked]
    assert KeyPlaces(pa.array(known, pa.string())).of(chunked(asked, cut)).tolist() == expected


def test_keys_of_one_hash_are_found_at_their_own_places() -> None:
    first = b"key numb" + b"er one.."
    both = pa.array([first, alike(first[:8], first[8:])], pa.binary()).view(pa.string())
    places = KeyPlaces(both)
    assert places.of(both).tolist() == [0, 1]
    assert KeyPlaces(both.slice(1)).of(both).tolist() == [-1, 0]
