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


def same_csv(first: str, second: str, ignored: tuple[str, ...] = ()) -> bool:
    """Tells whether two CSV texts say the same, but for rounding of numbers with a fraction.

    Args:
        first: A text, with a line of names of columns.
        second: Another one.
        ignored: How the names of columns end whose values may differ.
    """
    if first == second:
        return True
    here, there = (_read(text, ignored) for text in (first, second))
    return len(here) == len(there) and all(
        len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(here, there, strict=True)
    )


def _read(text: str, ignored: tuple[str, ...]) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(text)))
    if not ignored or not rows:
        return rows
    passed_over = {place for place, name in enumerate(rows[0]) if name.endswith(ignored)}
    blank = [["" if k in passed_over else cell for k, cell in enumerate(row)] for row in rows[1:]]
    return [rows[0], *blank]


def _same(first: str, second: str) -> bool:
    if first == second:
        return True
    if "." not in first or "." not in second:
        return False
    try:
        return math.isclose(float(first), float(second), rel_tol=0, abs_tol=_TOLERANCE)
    except ValueError:
        return False
