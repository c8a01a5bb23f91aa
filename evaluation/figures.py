"""Figures as SVG, by Matplotlib: the same table gives the same bytes.

They are to be read with many detectors: a colour is used once in a panel, and what would need more
colours has panels of its own. What is written in a figure may come from anywhere: it is never read
as mathematics, and Matplotlib escapes it for XML.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import (
    Analysis,
    Dots,
    Figure,
    Heatmap,
    Lines,
    Radar,
    Scatter,
)
from alignbench.reporting.figures import drawing_style, encoded, report_style
from alignbench.reporting.panels import Margins, panels

MOST_GROUPS: Final = 40
"""More rows or panels than that cannot be read; the table has them all."""

MOST_COLOURS: Final = 4
"""More series than that have a panel each, or a line each, instead of a colour each."""

MOST_LARGE: Final = 9
"""With more panels of lines they are small."""

FEWEST_SPOKES: Final = 3
"""With fewer, a radar is a line."""

_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS: Final = "osD^vPX"
_OWN_COLOUR: Final = "#d55e00"
_GREY: Final = "#c8c8c8"


Rows = dict[str, list[Any]]


class _Point(NamedTuple):
    value: float
    low: float | None
    high: float | None
    is_own: bool


def svg(analysis: Analysis) -> bytes | None:
    """Returns the figure of an analysis; None if it has none, or nothing to draw."""
    table, spec = analysis.told, analysis.figure
    if spec is None:
        return None
    value = table[spec.y if isinstance(spec, Scatter) else spec.value]
    if value.null_count == len(value):
        return None
    # `panels` lays them out.
    with drawing_style(report_style() | {"figure.constrained_layout.use": False}):
        return encoded(_drawn(table.to_pydict(), spec), metadata={"Creator": None})


def _drawn(rows: Rows, spec: Figure) -> Canvas:
    match spec:
        case Dots():
            return _dots(rows, spec)
        case Radar():
            return _radar(rows, spec)
        case Lines():
            return _lines(rows, spec)
        case Heatmap():
            return _heatmap(rows, spec)
        case Scatter():
            return _scatter(rows, spec)


def _dots(rows: Rows, spec: Dots | Radar) -> Canvas:
    groups, series = _distinct(rows[spec.groups])[:MOST_GROUPS], _distinct(rows[spec.series])
    points = _points(rows, spec)
    if len(series) <= MOST_COLOURS:
        return _dots_together(groups, series, points, spec)
    series = sorted(series[: MOST_GROUPS * 2], key=lambda name: _mean_of(points, groups, name))
    height = 0.2 + 0.165 * len(series)
    margins = Margins(left=_label_inches(series, 7.5), gap=0.2)
    canvas, grid = panels(len(groups), min(4, len(groups)), (1.75, height), margins)
    low, high = _span_of(points.values(), spec)
    for place, (axes, group) in enumerate(zip(grid, groups, strict=True)):
        found = [(line, points[group, n]) for line, n in enumerate(series) if (group, n) in points]
        for is_own in (False, True):
            own = [(line, point) for line, point in found if point.is_own is is_own]
            _marks(axes, own, _OWN_COLOUR if is_own else _COLOURS[0], "s" if is_own else "o")
        _refer(axes, spec)
        axes.set_title(_short(group), fontsize=9)
        is_first = place % 4 == 0
        names = [_short(name) for name in series] if is_first else []
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
    points: dict[tuple[Any, Any], _Point],
    spec: Dots | Radar,
) -> Canvas:
    height = 0.2 + len(groups) * (0.16 + 0.14 * len(series))
    legend_lines = -(-len(series) // 2)
    margins = Margins(left=_label_inches(groups, 9), top=0.15 + 0.2 * legend_lines)
    canvas, [axes] = panels(1, 1, (4.4, height), margins)
    step = 0.62 / max(1, len(series))
    for number, name in enumerate(series):
        shift = (number - (len(series) - 1) / 2) * step
        found = [
            (place + shift, points[group, name])
            for place, group in enumerate(groups)
            if (group, name) in points
        ]
        _marks(axes, found, _COLOURS[number], _MARKERS[number], _short(name))
    _refer(axes, spec)
    axes.set_yticks(range(len(groups)), [_short(group) for group in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_xlabel(spec.label)
    _legend(canvas, axes)
    return canvas


def _span_of(points: Iterable[_Point], spec: Dots | Radar) -> tuple[float, float]:
    """Returns the ends of an axis that holds points, their intervals and the reference."""
    bounds = [b for p in points for b in (p.value, p.low, p.high) if b is not None]
    bounds += [] if spec.reference is None else [spec.reference]
    room = 0.04 * (max(bounds) - min(bounds) or 1.0)
    return min(bounds) - room, max(bounds) + room


def _marks(
    axes: Axes,
    found: Sequence[tuple[float, _Point]],
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
        xerr=_errors([point for _, point in found]),
        fmt=marker,
        color=colour,
        markersize=3.2,
        elinewidth=0.9,
        label=label,
    )


def _refer(axes: Axes, spec: Dots | Radar) -> None:
    if spec.reference is not None:
        axes.axvline(spec.reference, color="#666666", linewidth=0.8, zorder=0)


def _radar(rows: Rows, spec: Radar) -> Canvas:
    points = _points(rows, spec)
    groups = [
        group
        for group in _distinct(rows[spec.groups])[:MOST_GROUPS]
        if any(found == group for found, _ in points)
    ]
    series = _distinct(rows[spec.series])[:MOST_GROUPS]
    if len(groups) < FEWEST_SPOKES:
        return _dots(rows, spec)
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
        for figures, colour, width in ((middle, _GREY, 1.0), (own, _COLOURS[0], 1.4)):
            there = np.flatnonzero(np.isfinite(figures))
            length = (figures[there] - lowest) / (highest - lowest or 1.0)
            around = np.vstack([length[:, None] * corners[there]] * 2)[: len(there) + 1]
            axes.plot(around[:, 0], around[:, 1], color=colour, linewidth=width, marker="o",
                      markersize=1.8)  # fmt: skip
        for group, (x, y) in zip(groups, corners, strict=True):
            side = "center" if abs(x) < 0.1 else "left" if x > 0 else "right"
            axes.text(1.1 * x, 1.1 * y, _short(group, 12), fontsize=6.5, ha=side, va="center")
        axes.set_title(_short(name, 24), fontsize=8.5)
    note = f"{spec.label} from {lowest:.2f} in the middle to {highest:.2f} at the edge; "
    if base > 0:
        note += f"dark ring: {spec.reference:.2f}; "
    canvas.supxlabel(note + "grey: median of all", fontsize=8, y=0.05 / canvas.get_figheight(),
                     va="bottom")  # fmt: skip
    return canvas


def _lines(rows: Rows, spec: Lines) -> Canvas:
    series = _distinct(rows[spec.series])
    apart = spec.panels is None and len(series) > MOST_COLOURS
    if apart:
        heads = series[:MOST_GROUPS]
    else:
        heads = _distinct(rows[spec.panels])[:MOST_GROUPS] if spec.panels else [None]
    is_small = len(heads) > MOST_LARGE
    size = (1.75, 1.3) if is_small else (2.9, 2.1)
    margins = Margins(left=0.75, gap=0.5, top=0.65, between=0.55)
    canvas, grid = panels(len(heads), min(5 if is_small else 3, len(heads)), size, margins)
    found = _curves(rows, spec)
    for axes, head in zip(grid, heads, strict=True):
        if apart:
            others = [_ends(found[key]) for key in found if key[1] != head]
            axes.add_collection(LineCollection(others, colors=_GREY, linewidths=0.5, zorder=1))
            _curve(axes, found.get((None, head), []), _COLOURS[0])
        else:
            for number, name in enumerate(series):
                colour = _COLOURS[number % len(_COLOURS)]
                _curve(axes, found.get((head, name), []), colour, label=_short(name))
        axes.autoscale_view()
        axes.tick_params(labelsize=7.5)
        if head is not None:
            axes.set_title(_short(head, 24), fontsize=8.5)
    canvas.supxlabel(spec.x_label, fontsize=9, y=0.05 / canvas.get_figheight(), va="bottom")
    canvas.supylabel(spec.label, fontsize=9, x=0.08 / canvas.get_figwidth())
    if not apart:
        _legend(canvas, grid[0])
    return canvas


def _ends(points: Sequence[tuple[float, _Point]]) -> list[tuple[float, float]]:
    return [(x, point.value) for x, point in points]


def _curves(rows: Rows, spec: Lines) -> dict[tuple[Any, Any], list[tuple[float, _Point]]]:
    panels = rows[spec.panels] if spec.panels else [None] * len(rows[spec.x])
    found: dict[tuple[Any, Any], list[tuple[float, _Point]]] = {}
    for x, name, panel, value, low, high in zip(
        rows[spec.x],
        rows[spec.series],
        panels,
        rows[spec.value],
        _column(rows, "low"),
        _column(rows, "high"),
        strict=True,
    ):
        if value is not None:
            found.setdefault((panel, name), []).append((x, _Point(value, low, high, False)))
    return {key: sorted(points, key=lambda point: point[0]) for key, points in found.items()}


def _curve(
    axes: Axes,
    points: Sequence[tuple[float, _Point]],
    colour: str,
    label: str | None = None,
) -> None:
    if not points:
        return
    x, values = [x for x, _ in points], [point.value for _, point in points]
    axes.plot(x, values, marker="o", markersize=2.2, linewidth=1.2, color=colour, label=label)
    banded = [(x, p.low, p.high) for x, p in points if p.low is not None and p.high is not None]
    axes.fill_between(
        [x for x, _, _ in banded],
        [low for _, low, _ in banded],
        [high for _, _, high in banded],
        alpha=0.15,
        color=colour,
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
    across_size = 0.52 * len(across) + 0.9
    margins = Margins(
        left=_label_inches(down, 8), top=0.2, bottom=0.35 + 0.7 * _label_inches(across, 9)
    )
    canvas, [axes] = panels(1, 1, (across_size, 0.3 + 0.24 * len(down)), margins)
    span = max(0.05, float(np.nanmax(np.abs(matrix - spec.centre))))
    image = axes.imshow(
        matrix, cmap="RdBu", vmin=spec.centre - span, vmax=spec.centre + span, aspect="auto"
    )
    for (row_place, column_place), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            weight = "bold" if (row_place, column_place) in marked else "normal"
            dark = abs(value - spec.centre) > 0.62 * span
            text = f"{100 * value:.1f}" if spec.percent else f"{value:.3f}"
            axes.text(column_place, row_place, text, ha="center", va="center", fontsize=7,
                      fontweight=weight, color="white" if dark else "black")  # fmt: skip
    axes.set_xticks(range(len(across)), [_short(n) for n in across], rotation=40, ha="right")
    axes.set_yticks(range(len(down)), [_short(name) for name in down], fontsize=8)
    bar = canvas.colorbar(image, ax=axes, label=spec.label)
    bar.ax.set_ylim(min(np.nanmin(matrix), spec.centre), max(np.nanmax(matrix), spec.centre))
    return canvas


def _scatter(rows: Rows, spec: Scatter) -> Canvas:
    kinds = _distinct(rows["of"])[:MOST_GROUPS]
    margins = Margins(left=0.75, gap=0.5, top=0.35, between=0.65)
    canvas, grid = panels(len(kinds), min(3, len(kinds)), (2.9, 2.3), margins)
    for axes, kind in zip(grid, kinds, strict=True):
        chosen = [place for place, of in enumerate(rows["of"]) if of == kind]
        axes.scatter(
            [rows[spec.x][place] for place in chosen],
            [rows[spec.y][place] for place in chosen],
            s=14,
        )
        for place in chosen:
            axes.annotate(
                _short(rows[spec.names][place], 20),
                (rows[spec.x][place], rows[spec.y][place]),
                fontsize=6,
                xytext=(3, 3),
                textcoords="offset points",
            )
        axes.set_title(_short(kind, 44), fontsize=8)
    canvas.supxlabel(spec.x_label, fontsize=9, y=0.05 / canvas.get_figheight(), va="bottom")
    canvas.supylabel(spec.label, fontsize=9, x=0.08 / canvas.get_figwidth())
    return canvas


def _points(rows: Rows, spec: Dots | Radar) -> dict[tuple[Any, Any], _Point]:
    return {
        (group, name): _Point(value, low, high, bool(is_own))
        for group, name, value, low, high, is_own in zip(
            rows[spec.groups],
            rows[spec.series],
            rows[spec.value],
            _column(rows, "low"),
            _column(rows, "high"),
            _column(rows, "self"),
            strict=True,
        )
        if value is not None
    }


def _value(points: dict[tuple[Any, Any], _Point], group: Any, name: Any) -> float:
    point = points.get((group, name))
    return float("nan") if point is None else point.value


def _mean_of(points: dict[tuple[Any, Any], _Point], groups: Sequence[Any], name: Any) -> float:
    found = [points[group, name].value for group in groups if (group, name) in points]
    return float(np.mean(found)) if found else -np.inf


def _median(values: Any) -> float:
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) else float("nan")


def _errors(points: Sequence[_Point]) -> np.ndarray[Any, Any]:
    """Returns lengths of error bars; none where there is no interval, or it lies to one side."""
    below = [max(0.0, p.value - p.low) if p.low is not None else 0.0 for p in points]
    above = [max(0.0, p.high - p.value) if p.high is not None else 0.0 for p in points]
    return np.array([below, above])


def _legend(canvas: Canvas, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        canvas.legend(handles, labels, loc="upper center", ncols=2, fontsize=7.5, frameon=False)


def _label_inches(names: Iterable[Any], size: float) -> float:
    """Returns how much room names beside an axis need."""
    return 0.2 + max((len(_short(name)) for name in names), default=0) * size * 0.0084


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _column(rows: Rows, name: str) -> list[Any]:
    length = len(next(iter(rows.values())))
    return rows.get(name, [None] * length)


def _short(text: object, most: int = 28) -> str:
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
