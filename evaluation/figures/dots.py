"""Dots with intervals: one panel a group, or a colour a series where there are few."""

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Dots, Radar
from alignbench.evaluation.figures.marks import (
    COLOURS,
    MARKERS,
    MOST_COLOURS,
    MOST_GROUPS,
    OWN_COLOUR,
    Point,
    Rows,
    add_legend,
    distinct,
    error_bars,
    label_inches,
    mean_of,
    points_of,
    shortened,
)
from alignbench.reporting.panels import Margins, panels


def dots(rows: Rows, spec: Dots | Radar) -> Canvas:
    """Draws values with their intervals, group by group."""
    groups, series = distinct(rows[spec.groups])[:MOST_GROUPS], distinct(rows[spec.series])
    points = points_of(rows, spec)
    if len(series) <= MOST_COLOURS:
        return _dots_together(groups, series, points, spec)
    series = sorted(series[: MOST_GROUPS * 2], key=lambda name: mean_of(points, groups, name))
    height = 0.2 + 0.165 * len(series)
    margins = Margins(left=label_inches(series, 7.5), gap=0.2)
    canvas, grid = panels(len(groups), min(4, len(groups)), (1.75, height), margins)
    low, high = _span_of(points.values(), spec)
    for place, (axes, group) in enumerate(zip(grid, groups, strict=True)):
        found = [(line, points[group, n]) for line, n in enumerate(series) if (group, n) in points]
        for is_own in (False, True):
            own = [(line, point) for line, point in found if point.is_own is is_own]
            _marks(axes, own, OWN_COLOUR if is_own else COLOURS[0], "s" if is_own else "o")
        _refer(axes, spec)
        axes.set_title(shortened(group), fontsize=9)
        is_first = place % 4 == 0
        names = [shortened(name) for name in series] if is_first else []
        axes.set_yticks(range(len(names)), names, fontsize=7.5)
        axes.set_xlim(low, high)
        axes.set_ylim(-0.7, len(series) - 0.3)
        # One artist; a tick has several, and making them takes most of the time of a figure.
        axes.hlines(range(len(series)), low, high, color="#eeeeee", linewidth=0.6, zorder=0)
    label = spec.label
    if any(point.is_own for point in points.values()):
        label += " (squares: the detector's own family)"
    canvas.supxlabel(label, fontsize=9, y=0.05 / canvas.get_figheight(), va="bottom")
    return canvas


def _dots_together(
    groups: Sequence[Any],
    series: Sequence[Any],
    points: dict[tuple[Any, Any], Point],
    spec: Dots | Radar,
) -> Canvas:
    height = 0.2 + len(groups) * (0.16 + 0.14 * len(series))
    legend_lines = -(-len(series) // 2)
    margins = Margins(left=label_inches(groups, 9), top=0.15 + 0.2 * legend_lines)
    canvas, [axes] = panels(1, 1, (4.4, height), margins)
    step = 0.62 / max(1, len(series))
    for number, name in enumerate(series):
        shift = (number - (len(series) - 1) / 2) * step
        found = [
            (place + shift, points[group, name])
            for place, group in enumerate(groups)
            if (group, name) in points
        ]
        _marks(axes, found, COLOURS[number], MARKERS[number], shortened(name))
    _refer(axes, spec)
    axes.set_yticks(range(len(groups)), [shortened(group) for group in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_xlabel(spec.label)
    add_legend(canvas, axes)
    return canvas


def _span_of(points: Iterable[Point], spec: Dots | Radar) -> tuple[float, float]:
    """Returns the ends of an axis that holds points, their intervals and the reference."""
    bounds = [b for p in points for b in (p.value, p.low, p.high) if b is not None]
    bounds += [] if spec.reference is None else [spec.reference]
    room = 0.04 * (max(bounds) - min(bounds) or 1.0)
    return min(bounds) - room, max(bounds) + room


def _marks(
    axes: Axes,
    found: Sequence[tuple[float, Point]],
    colour: str,
    marker: str,
    label: str | None = None,
) -> None:
    if not found:
        return
    values = [point.value for _, point in found]
    axes.errorbar(
        values,
        [place for place, _ in found],
        xerr=error_bars([point for _, point in found]),
        fmt=marker,
        color=colour,
        markersize=3.2,
        elinewidth=0.9,
        label=label,
    )


def _refer(axes: Axes, spec: Dots | Radar) -> None:
    if spec.reference is not None:
        axes.axvline(spec.reference, color="#666666", linewidth=0.8, zorder=0)
