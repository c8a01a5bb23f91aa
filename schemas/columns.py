"""From a row's class to its Arrow schema and back: one declaration serves types and files.

A row class is a frozen dataclass whose fields say both the Python type and the Arrow type
(`Annotated[int, pa.int32()]`). The Arrow schema is read from the declaration, never from data, so a
column cannot change its type because a batch happened to be empty or null.
"""

import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import (
    Annotated,
    Any,
    ClassVar,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pyarrow as pa

Str = Annotated[str, pa.string()]
Int = Annotated[int, pa.int32()]
Long = Annotated[int, pa.int64()]
Real = Annotated[float, pa.float64()]
Bool = Annotated[bool, pa.bool_()]
Instant = Annotated[datetime, pa.timestamp("us", tz="UTC")]


class DataclassRow(Protocol):
    """Any row class: a frozen dataclass of annotated fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Row = TypeVar("Row", bound=DataclassRow)


@cache
def arrow_schema(row_type: type[DataclassRow]) -> pa.Schema:
    """Returns the Arrow schema that a row class declares."""
    hints = _hints(row_type)
    return pa.schema([_arrow_field(f.name, hints[f.name]) for f in fields(row_type)])


def to_batch(row_type: type[Row], rows: Sequence[Row]) -> pa.RecordBatch:
    """Returns the rows as one Arrow record batch with the schema that their class declares."""
    schema = arrow_schema(row_type)
    columns = [
        pa.array([_plain(getattr(row, field.name)) for row in rows], type=field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def from_batch(row_type: type[Row], batch: pa.RecordBatch | pa.Table) -> Iterator[Row]:
    """Yields a batch's rows as instances of their class; columns it does not know are ignored."""
    hints = _hints(row_type)
    names = [f.name for f in fields(row_type)]
    columns = [
        [_typed(value, hints[name]) for value in batch.column(name).to_pylist()] for name in names
    ]
    for values in zip(*columns, strict=True):
        yield row_type(**dict(zip(names, values, strict=True)))


def concat(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Returns the batches as one table; with no batch, an empty table of that schema."""
    return pa.Table.from_batches(list(batches), schema=schema)


@cache
def _hints(row_type: type[DataclassRow]) -> dict[str, Any]:
    return get_type_hints(row_type, include_extras=True)


def _arrow_field(name: str, hint: Any) -> pa.Field:
    inner, nullable = _without_none(hint)
    return pa.field(name, _arrow_type(inner), nullable=nullable)


def _arrow_type(hint: Any) -> pa.DataType:
    if get_origin(hint) is Annotated:
        return next(arg for arg in get_args(hint)[1:] if isinstance(arg, pa.DataType))
    if get_origin(hint) is tuple:
        (item, _) = get_args(hint)
        return pa.list_(_arrow_field("item", item))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return pa.string()
    if isinstance(hint, type) and is_dataclass(hint):
        return pa.struct(list(arrow_schema(hint)))
    raise TypeError(f"{hint!r} declares no Arrow type.")


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return hint, False


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value


def _typed(value: Any, hint: Any) -> Any:
    inner, _ = _without_none(hint)
    if value is None:
        return () if get_origin(inner) is tuple else None
    if get_origin(inner) is tuple:
        (item, _) = get_args(inner)
        return tuple(_typed(element, item) for element in value)
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return inner(value)
    if isinstance(inner, type) and is_dataclass(inner):
        hints = _hints(inner)
        return inner(**{name: _typed(element, hints[name]) for name, element in value.items()})
    return value
