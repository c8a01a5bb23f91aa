"""A row class is its Arrow schema: what is written comes back as it was."""

from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.schemas.columns import Int, Str, arrow_schema, concat, from_batch, to_batch
from alignbench.schemas.tables import SCHEMA_VERSION, TABLES, TableSpec, spec_of
from tests.schemas.expected import assert_same_as_file

SCALARS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.timestamp("us", tz="UTC"): st.datetimes(timezones=st.just(UTC)),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Returns the values that a field so annotated can have."""
    if get_origin(hint) is Annotated:
        return SCALARS[get_args(hint)[1]]
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    if is_dataclass(hint):
        return instances(hint)
    inner = [argument for argument in get_args(hint) if argument is not type(None)]
    return st.none() | values(inner[0])


def instances(row_type: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(row_type, include_extras=True)
    return st.builds(row_type, **{f.name: values(hints[f.name]) for f in fields(row_type)})


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
@given(data=st.data())
def test_rows_come_back_as_they_were_written(spec: TableSpec[Any], data: st.DataObject) -> None:
    rows = data.draw(st.lists(instances(spec.row), max_size=4))
    batch = to_batch(spec.row, rows)
    assert batch.schema == arrow_schema(spec.row)
    batch.validate(full=True)
    assert list(from_batch(spec.row, batch)) == rows


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_no_rows_have_the_schema_of_many(spec: TableSpec[Any]) -> None:
    empty = to_batch(spec.row, [])
    assert empty.schema == arrow_schema(spec.row)
    assert concat(arrow_schema(spec.row), [empty]).num_rows == 0
    assert concat(arrow_schema(spec.row), []).schema == arrow_schema(spec.row)
    assert list(from_batch(spec.row, empty)) == []


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_a_table_has_its_key_its_version_and_its_stamps(spec: TableSpec[Any]) -> None:
    assert set(spec.key) <= set(arrow_schema(spec.row).names)
    assert spec.schema.names[-2:] == ["created_at", "run_id"]
    assert spec_of(spec.row) is spec
    if spec.version is not None:
        assert not spec.schema.field(spec.version).nullable
        assert spec.version not in spec.key


def test_table_names_and_row_classes_are_unique() -> None:
    assert len({spec.name for spec in TABLES}) == len({spec.row for spec in TABLES}) == len(TABLES)


def test_columns_that_a_class_does_not_know_are_passed_over() -> None:
    table = pa.table({"number": [1], "name": ["n"], "later": ["x"]})
    assert list(from_batch(Small, table)) == [Small(number=1, name="n")]


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        to_batch(Small, [Small(number="one")])  # type: ignore[arg-type]
    with pytest.raises(pa.ArrowInvalid):
        to_batch(Small, [Small(number=2**31)])


def test_a_field_without_an_arrow_type_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        arrow_schema(Untyped)


def test_an_unknown_word_in_a_file_is_refused() -> None:
    failures = next(spec for spec in TABLES if spec.name == "failures")
    schema = arrow_schema(failures.row)
    word = {"stage": "no such stage", "attempts": 1}
    table = pa.Table.from_pylist(
        [{name: word.get(name, "x") for name in schema.names}], schema=schema
    )
    with pytest.raises(ValueError, match="no such stage"):
        list(from_batch(failures.row, table))


def test_the_tables_are_those_that_were_released() -> None:
    lines = [f"schema version {SCHEMA_VERSION}"]
    for spec in TABLES:
        kind = f"versioned by {spec.version}" if spec.version else "immutable"
        lines += ["", f"{spec.name}: {kind}, key {', '.join(spec.key)}"]
        lines += [
            f"  {field.name}: {field.type}{'' if field.nullable else ' not null'}"
            for field in spec.schema
        ]
    assert_same_as_file(
        Path(__file__).with_name("tables.txt"),
        "\n".join(lines) + "\n",
        "The columns changed. Parts with the old ones exist in workspaces: new columns go last, "
        "are nullable or lists, and SCHEMA_VERSION in schemas/tables.py is raised by one.",
    )


@dataclass(frozen=True, kw_only=True)
class Small:
    number: Int
    name: Str | None = None


@dataclass(frozen=True)
class Untyped:
    number: int
