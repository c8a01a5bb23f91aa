"""Figures as SVG, by Matplotlib: the same table gives the same bytes.

What is written in a figure may come from anywhere: it is never read as mathematics, and Matplotlib
escapes it for XML.
"""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Analysis, Bars, Heatmap, Lines, Scatter
from alignbench.reporting.figures import drawing_style, encoded, report_style

MOST_GROUPS: Final = 40
"""More groups of bars, rows or panels than that cannot be read; the table has them all."""

_BAR_WIDTH: Final = 0.8

Rows = dict[str, list[Any]]


def svg(analysis: Analysis) -> bytes | None:
    """Returns the figure of an analysis; None if it has none, or nothing to draw."""
    table = analysis.table if analysis.drawn is None else analysis.drawn
    spec = analysis.figure
    if spec is None:
        return None
    value = table[spec.y if isinstance(spec, Scatter) else spec.value]
    if value.null_count == len(value):
        return None
    with drawing_style(report_style()):
        return encoded(_drawn(table.to_pydict(), spec), metadata={"Creator": None})


def _drawn(rows: Rows, spec: Bars | Lines | Heatmap | Scatter) -> Canvas:
    if isinstance(spec, Bars):
        return _bars(rows, spec)
    if isinstance(spec, Lines):
        return _lines(rows, spec)
    return _heatmap(rows, spec) if isinstance(spec, Heatmap) else _scatter(rows, spec)


def _bars(rows: Rows, spec: Bars) -> Canvas:
    groups, series = _distinct(rows[spec.groups])[:MOST_GROUPS], _distinct(rows[spec.series])
    canvas = Canvas(figsize=(max(5.0, 0.35 * len(groups) * len(series) + 2), 3.6))
    axes = canvas.subplots()
    width = _BAR_WIDTH / max(1, len(series))
    for number, name in enumerate(series):
        found = {
            group: (value, low, high)
            for group, of, value, low, high in zip(
                rows[spec.groups],
                rows[spec.series],
                rows[spec.value],
                _column(rows, "low"),
                _column(rows, "high"),
                strict=True,
            )
            if of == name and value is not None
        }
        places = [place for place, group in enumerate(groups) if group in found]
        values = [found[groups[place]] for place in places]
        shift = (number - (len(series) - 1) / 2) * width
        base = spec.reference or 0.0
        axes.bar(
            np.array(places) + shift,
            [value - base for value, _, _ in values],
            width * 0.92,
            bottom=base,
            yerr=_errors(values),
            capsize=2,
            label=_short(name),
            error_kw={"linewidth": 0.8},
        )
    if spec.reference is not None:
        axes.axhline(spec.reference, color="#666666", linewidth=0.8)
    axes.set_xticks(
        range(len(groups)), [_short(group) for group in groups], rotation=30, ha="right"
    )
    axes.set_ylabel(spec.label)
    _legend(canvas, axes)
    return canvas


def _lines(rows: Rows, spec: Lines) -> Canvas:
    panels = _distinct(rows[spec.panels])[:MOST_GROUPS] if spec.panels else [None]
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    canvas = Canvas(figsize=(3.4 * across + 1.2, 2.6 * down + 0.6))
    grid = canvas.subplots(down, across, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(grid, panels, strict=False):
        for name in _distinct(rows[spec.series]):
            _line(axes, rows, spec, panel, name)
        axes.set_xlabel(spec.x_label)
        axes.set_ylabel(spec.label)
        if panel is not None:
            axes.set_title(_short(panel), fontsize=9)
    _legend(canvas, grid[0])
    return canvas


def _line(axes: Axes, rows: Rows, spec: Lines, panel: object, name: object) -> None:
    panels = rows[spec.panels] if spec.panels else [None] * len(rows[spec.x])
    points = sorted(
        (x, value, low, high)
        for x, of, place, value, low, high in zip(
            rows[spec.x],
            rows[spec.series],
            panels,
            rows[spec.value],
            _column(rows, "low"),
            _column(rows, "high"),
            strict=True,
        )
        if of == name and place == panel and value is not None
    )
    if not points:
        return
    x, values = [point[0] for point in points], [point[1] for point in points]
    [line] = axes.plot(x, values, marker="o", markersize=2.5, linewidth=1.2, label=_short(name))
    banded = [point for point in points if point[2] is not None]
    axes.fill_between(
        [point[0] for point in banded],
        [point[2] for point in banded],
        [point[3] for point in banded],
        alpha=0.15,
        color=line.get_color(),
        linewidth=0,
    )


def _heatmap(rows: Rows, spec: Heatmap) -> Canvas:
    down, across = _distinct(rows[spec.rows])[:MOST_GROUPS], _distinct(rows[spec.columns])
    across = across[:MOST_GROUPS]
    matrix = np.full((len(down), len(across)), np.nan)
    own = _column(rows, "self")
    marked = set()
    for row, column, value, is_self in zip(
        rows[spec.rows], rows[spec.columns], rows[spec.value], own, strict=True
    ):
        if value is not None and row in down and column in across:
            spot = down.index(row), across.index(column)
            matrix[spot] = value
            if is_self:
                marked.add(spot)
    canvas = Canvas(figsize=(0.75 * len(across) + 3, 0.4 * len(down) + 1.8))
    axes = canvas.subplots()
    span = max(0.05, float(np.nanmax(np.abs(matrix - 1))))
    image = axes.imshow(matrix, cmap="RdBu", vmin=1 - span, vmax=1 + span, aspect="auto")
    for (row_place, column_place), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            weight = "bold" if (row_place, column_place) in marked else "normal"
            axes.text(column_place, row_place, f"{value:.3f}", ha="center", va="center", fontsize=7,
                      fontweight=weight)  # fmt: skip
    axes.set_xticks(range(len(across)), [_short(n) for n in across], rotation=30, ha="right")
    axes.set_yticks(range(len(down)), [_short(name) for name in down])
    canvas.colorbar(image, ax=axes, label=spec.label)
    return canvas


def _scatter(rows: Rows, spec: Scatter) -> Canvas:
    canvas = Canvas(figsize=(5.5, 4.0))
    axes = canvas.subplots()
    for kind in _distinct(rows["of"]):
        chosen = [place for place, of in enumerate(rows["of"]) if of == kind]
        axes.scatter(
            [rows[spec.x][place] for place in chosen],
            [rows[spec.y][place] for place in chosen],
            s=14,
            label=_short(kind),
        )
        for place in chosen:
            axes.annotate(
                _short(rows[spec.names][place]),
                (rows[spec.x][place], rows[spec.y][place]),
                fontsize=6,
                xytext=(3, 3),
                textcoords="offset points",
            )
    axes.set_xlabel(spec.x_label)
    axes.set_ylabel(spec.label)
    _legend(canvas, axes)
    return canvas


def _errors(values: list[tuple[float, float | None, float | None]]) -> np.ndarray[Any, Any]:
    """Returns lengths of error bars; none where there is no interval, or it lies to one side."""
    below = [max(0.0, value - low) if low is not None else 0.0 for value, low, _ in values]
    above = [max(0.0, high - value) if high is not None else 0.0 for value, _, high in values]
    return np.array([below, above])


def _legend(canvas: Canvas, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        canvas.legend(handles, labels, loc="outside right upper", fontsize=7, frameon=False)


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _column(rows: Rows, name: str) -> list[Any]:
    length = len(next(iter(rows.values())))
    return rows.get(name, [None] * length)


def _short(text: object, most: int = 32) -> str:
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
