"""A table as files, CSV and Parquet, and its cells as people read them."""

import io
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from alignbench.reporting.matrix import NULL

_DIGITS: Final = 3


def csv_bytes(table: pa.Table) -> bytes:
    """Returns a table as CSV, floats in full and a null as nothing."""
    buffer = io.BytesIO()
    pa_csv.write_csv(table, buffer)
    return buffer.getvalue()


def spreadsheet_safe(table: pa.Table) -> pa.Table:
    """Returns a table whose text no spreadsheet takes for a formula.

    Text that people wrote may begin with `=`; an apostrophe before it keeps it text.
    """
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            safe = pc.replace_substring_regex(table[place], r"^([=+\-@\t\r])", r"'\1")
            table = table.set_column(place, field, safe)
    return table


def parquet_bytes(table: pa.Table) -> bytes:
    """Returns a table as Parquet."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def heading(column: str) -> str:
    """Returns a column's name for people."""
    return column.replace("_", " ")


def shown(cell: object) -> str:
    """Returns a cell for people: floats with three digits, a null as `--`."""
    if cell is None:
        return NULL
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.{_DIGITS}f}" if abs(cell) < 1000 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
