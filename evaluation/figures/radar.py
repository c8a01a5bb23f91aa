"""Radars: one a series, before the median of all."""

from typing import Any, Final

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Radar
from alignbench.evaluation.figures.dots import dots
from alignbench.evaluation.figures.marks import (
    COLOURS,
    GREY,
    MOST_GROUPS,
    Point,
    Rows,
    distinct,
    points_of,
    shortened,
)
from alignbench.reporting.panels import Margins, panels

FEWEST_SPOKES: Final = 3
"""With fewer, a radar is a line."""


def radar(rows: Rows, spec: Radar) -> Canvas:
    """Draws a radar for each series, its groups around it; with too few spokes, dots."""
    points = points_of(rows, spec)
    groups = [
        group
        for group in distinct(rows[spec.groups])[:MOST_GROUPS]
        if any(found == group for found, _ in points)
    ]
    series = distinct(rows[spec.series])[:MOST_GROUPS]
    if len(groups) < FEWEST_SPOKES:
        return dots(rows, spec)
    margins = Margins(left=0.45, gap=0.55, top=0.4, between=0.4)
    canvas, grid = panels(len(series), min(5, len(series)), (1.6, 1.6), margins)
    values = np.array([[_value(points, group, name) for group in groups] for name in series], float)
    middle = np.array([_median(column) for column in values.T])
    lowest = min(spec.reference or 0.0, float(np.nanmin(values)))
    highest = float(np.nanmax(values))
    angles = np.linspace(0, 2 * np.pi, len(groups), endpoint=False)
    # Plain axes: Matplotlib's polar ones take many times as long.
    web = (0.25, 0.5, 0.75, 1.0)
    base = ((spec.reference or lowest) - lowest) / (highest - lowest or 1.0)
    for axes, name, own in zip(grid, series, values, strict=True):
        axes.set_axis_off()
        axes.set_aspect("equal")
        axes.set_xlim(-1.25, 1.25)
        axes.set_ylim(-1.25, 1.25)
        corners = np.column_stack([np.sin(angles), np.cos(angles)])
        lines = [level * np.vstack([corners, corners[:1]]) for level in web]
        lines += [np.vstack([[0, 0], corner]) for corner in corners]
        axes.add_collection(LineCollection(lines, colors="#e2e2e2", linewidths=0.6))
        if base > 0:
            ring = base * np.vstack([corners, corners[:1]])
            axes.plot(ring[:, 0], ring[:, 1], color="#666666", linewidth=0.7)
        for figures, colour, width in ((middle, GREY, 1.0), (own, COLOURS[0], 1.4)):
            there = np.flatnonzero(np.isfinite(figures))
            length = (figures[there] - lowest) / (highest - lowest or 1.0)
            around = np.vstack([length[:, None] * corners[there]] * 2)[: len(there) + 1]
            axes.plot(around[:, 0], around[:, 1], color=colour, linewidth=width, marker="o",
                      markersize=1.8)  # fmt: skip
        for group, (x, y) in zip(groups, corners, strict=True):
            side = "center" if abs(x) < 0.1 else "left" if x > 0 else "right"
            axes.text(1.1 * x, 1.1 * y, shortened(group, 12), fontsize=6.5, ha=side, va="center")
        axes.set_title(shortened(name, 24), fontsize=8.5)
    note = f"{spec.label} from {lowest:.2f} in the middle to {highest:.2f} at the edge; "
    if base > 0:
        note += f"dark ring: {spec.reference:.2f}; "
    canvas.supxlabel(note + "grey: median of all", fontsize=8, y=0.05 / canvas.get_figheight(),
                     va="bottom")  # fmt: skip
    return canvas


def _value(points: dict[tuple[Any, Any], Point], group: Any, name: Any) -> float:
    point = points.get((group, name))
    return float("nan") if point is None else point.value


def _median(values: Any) -> float:
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) else float("nan")
