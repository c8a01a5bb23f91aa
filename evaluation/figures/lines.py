"""Lines with bands: one panel a head, or a line each before all the others."""

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Lines
from alignbench.evaluation.figures.marks import (
    COLOURS,
    GREY,
    MOST_COLOURS,
    MOST_GROUPS,
    Point,
    Rows,
    add_legend,
    column,
    distinct,
    shortened,
)
from alignbench.reporting.panels import Margins, panels

MOST_LARGE: Final = 9
"""With more panels of lines they are small."""


def lines(rows: Rows, spec: Lines) -> Canvas:
    """Draws lines with their bands, in panels by the figure's own heads or one a series."""
    series = distinct(rows[spec.series])
    apart = spec.panels is None and len(series) > MOST_COLOURS
    if apart:
        heads = series[:MOST_GROUPS]
    else:
        heads = distinct(rows[spec.panels])[:MOST_GROUPS] if spec.panels else [None]
    is_small = len(heads) > MOST_LARGE
    size = (1.75, 1.3) if is_small else (2.9, 2.1)
    margins = Margins(left=0.75, gap=0.5, top=0.65, between=0.55)
    canvas, grid = panels(len(heads), min(5 if is_small else 3, len(heads)), size, margins)
    found = _curves(rows, spec)
    for axes, head in zip(grid, heads, strict=True):
        if apart:
            others = [_ends(found[key]) for key in found if key[1] != head]
            axes.add_collection(LineCollection(others, colors=GREY, linewidths=0.5, zorder=1))
            _curve(axes, found.get((None, head), []), COLOURS[0])
        else:
            for number, name in enumerate(series):
                colour = COLOURS[number % len(COLOURS)]
                _curve(axes, found.get((head, name), []), colour, label=shortened(name))
        axes.autoscale_view()
        axes.tick_params(labelsize=7.5)
        if head is not None:
            axes.set_title(shortened(head, 24), fontsize=8.5)
    canvas.supxlabel(spec.x_label, fontsize=9, y=0.05 / canvas.get_figheight(), va="bottom")
    canvas.supylabel(spec.label, fontsize=9, x=0.08 / canvas.get_figwidth())
    if not apart:
        add_legend(canvas, grid[0])
    return canvas


def _ends(points: Sequence[tuple[float, Point]]) -> list[tuple[float, float]]:
    return [(x, point.value) for x, point in points]


def _curves(rows: Rows, spec: Lines) -> dict[tuple[Any, Any], list[tuple[float, Point]]]:
    panels = rows[spec.panels] if spec.panels else [None] * len(rows[spec.x])
    found: dict[tuple[Any, Any], list[tuple[float, Point]]] = {}
    for x, name, panel, value, low, high in zip(
        rows[spec.x],
        rows[spec.series],
        panels,
        rows[spec.value],
        column(rows, "low"),
        column(rows, "high"),
        strict=True,
    ):
        if value is not None:
            found.setdefault((panel, name), []).append((x, Point(value, low, high, False)))
    return {key: sorted(points, key=lambda point: point[0]) for key, points in found.items()}


def _curve(
    axes: Axes,
    points: Sequence[tuple[float, Point]],
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
