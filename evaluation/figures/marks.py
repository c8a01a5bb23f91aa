"""What figures have in common: points with their intervals, colours, names of a bearable length."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Dots, Radar

MOST_GROUPS: Final = 40
"""More rows or panels than that cannot be read; the table has them all."""

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

MARKERS: Final = "osD^vPX"

OWN_COLOUR: Final = "#d55e00"

GREY: Final = "#c8c8c8"

MOST_COLOURS: Final = 4
"""More series than that have a panel each, or a line each, instead of a colour each."""

Rows = dict[str, list[Any]]


class Point(NamedTuple):
    """A value, the ends of its interval, and whether a detector judges its own family."""

    value: float
    low: float | None
    high: float | None
    is_own: bool


def points_of(rows: Rows, spec: Dots | Radar) -> dict[tuple[Any, Any], Point]:
    """Returns the points of a table, by group and series; without those that have no value."""
    return {
        (group, name): Point(value, low, high, bool(is_own))
        for group, name, value, low, high, is_own in zip(
            rows[spec.groups],
            rows[spec.series],
            rows[spec.value],
            column(rows, "low"),
            column(rows, "high"),
            column(rows, "self"),
            strict=True,
        )
        if value is not None
    }


def mean_of(points: dict[tuple[Any, Any], Point], groups: Sequence[Any], name: Any) -> float:
    """Returns the mean of a series over its groups; below every other if it has no value."""
    found = [points[group, name].value for group in groups if (group, name) in points]
    return float(np.mean(found)) if found else -np.inf


def error_bars(points: Sequence[Point]) -> np.ndarray[Any, Any]:
    """Returns lengths of error bars; none where there is no interval, or it lies to one side."""
    below = [max(0.0, p.value - p.low) if p.low is not None else 0.0 for p in points]
    above = [max(0.0, p.high - p.value) if p.high is not None else 0.0 for p in points]
    return np.array([below, above])


def add_legend(canvas: Canvas, axes: Axes) -> None:
    """Puts a legend above the panels, if anything has a label."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        canvas.legend(handles, labels, loc="upper center", ncols=2, fontsize=7.5, frameon=False)


def label_inches(names: Iterable[Any], size: float) -> float:
    """Returns how much room names beside an axis need."""
    return 0.2 + max((len(shortened(name)) for name in names), default=0) * size * 0.0084


def distinct(values: list[Any]) -> list[Any]:
    """Returns each value once, in order of first appearance."""
    return list(dict.fromkeys(values))


def column(rows: Rows, name: str) -> list[Any]:
    """Returns a column; nulls if the table has none of that name."""
    length = len(next(iter(rows.values())))
    return rows.get(name, [None] * length)


def shortened(text: object, most: int = 28) -> str:
    """Returns a name that is not longer than a figure bears."""
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
