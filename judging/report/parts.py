"""A section of the report: a table with its heading, and how it was computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from alignbench.reporting.jackknife import Estimate, Interval

Row = dict[str, Any]

INTERVALS: Final = "Intervals are 95 % and leave out one cluster at a time."


@dataclass(frozen=True)
class Part:
    """A section of the report.

    Attributes:
        name: Its anchor, and the name of its files.
        title: Its heading.
        method: How it was computed.
        table: Its figures.
        notes: What a reader must know of this very result.
    """

    name: str
    title: str
    method: str
    table: pa.Table
    notes: Sequence[str] = ()


def estimate_cells(name: str, estimate: Estimate) -> Row:
    """Returns a figure and the ends of its interval, as cells of a row."""
    return {name: number_cell(estimate.value), **interval_cells(name, estimate.interval())}


def interval_cells(name: str, interval: Interval) -> Row:
    """Returns the ends of a figure's interval, as cells of a row."""
    return {f"{name}_low": interval.low, f"{name}_high": interval.high}


def number_cell(value: float) -> float | None:
    """Returns a number as a cell: null where there is none."""
    return None if np.isnan(value) else float(value)


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Returns rows as a table; a column without any number is one of numbers all the same."""
    if not rows:
        return pa.table({"judge": pa.array([], pa.string())})
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pa.table(
        {
            name: pa.array(values, pa.float64() if not any(v is not None for v in values) else None)
            for name, values in columns.items()
        }
    )
