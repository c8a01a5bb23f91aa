"""Numbers stand for strings: equal ones for equal strings, over columns and over many of them."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.workspace.tables.numbered import ENCODED, Rows, joined, numbered

strings = st.lists(st.text(max_size=3), max_size=20)


def column(*chunks: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())


@settings(deadline=None)
@given(strings, strings, strings)
def test_numbers_give_the_strings_back_however_they_are_chunked(
    one: list[str], two: list[str], three: list[str]
) -> None:
    found = numbered(column(one, two), column(three).cast(ENCODED))
    given_back = [found.values.take(pa.array(numbers)).to_pylist() for numbers in found.columns]
    assert given_back == [[*one, *two], three]
    assert len(set(found.values.to_pylist())) == len(found.values)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from("ab")] * 3), max_size=30), st.integers(1, 30))
def test_rows_share_a_number_only_where_all_their_columns_are_equal(
    rows: list[tuple[str, ...]], times: int
) -> None:
    # Of ninety columns of two strings each, more numbers could come than 64 bits have.
    columns = [numbered(column([row[place] for row in rows])) for place in range(3)] * times
    numbers = joined(columns).tolist()
    assert len(numbers) == len(rows)
    assert len(set(numbers)) == len(set(rows))
    assert len(set(zip(numbers, rows, strict=True))) == len(set(rows))


@settings(deadline=None)
@given(st.lists(st.integers(-5, 20), unique=True), st.lists(st.integers(-5, 20)))
def test_rows_are_found_by_their_number(known: list[int], asked: list[int]) -> None:
    found = Rows(np.array(known, np.int64)).of(np.array(asked, np.int64))
    assert found.tolist() == [known.index(one) if one in known else -1 for one in asked]
