"""Tables of a release as CSV texts."""

import csv
import io
import math
from collections.abc import Sequence

Cell = str | int | float | None
"""A value of a table; None is an empty cell."""

_TOLERANCE = 2e-6
"""How far a figure may differ that was computed on another machine: its last rounded digit."""


def to_csv(rows: Sequence[Sequence[Cell]]) -> str:
    """Returns the CSV text of rows of cells."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def same_csv(first: str, second: str) -> bool:
    """Tells whether two CSV texts say the same, but for rounding of numbers with a fraction."""
    if first == second:
        return True
    here, there = (list(csv.reader(io.StringIO(text))) for text in (first, second))
    return len(here) == len(there) and all(
        len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(here, there, strict=True)
    )


def _same(first: str, second: str) -> bool:
    if first == second:
        return True
    if "." not in first or "." not in second:
        return False
    try:
        return math.isclose(float(first), float(second), rel_tol=0, abs_tol=_TOLERANCE)
    except ValueError:
        return False
