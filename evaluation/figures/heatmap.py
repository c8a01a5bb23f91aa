"""Heatmaps around a centre."""

import numpy as np
from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Heatmap
from alignbench.evaluation.figures.marks import (
    MOST_GROUPS,
    Rows,
    column,
    distinct,
    label_inches,
    shortened,
)
from alignbench.reporting.panels import Margins, panels


def heatmap(rows: Rows, spec: Heatmap) -> Canvas:
    """Draws values around a centre; in bold, those of a detector's own family."""
    down, across = distinct(rows[spec.rows])[:MOST_GROUPS], distinct(rows[spec.columns])
    across = across[:MOST_GROUPS]
    matrix = np.full((len(down), len(across)), np.nan)
    own = column(rows, "self")
    marked = set()
    for row, across_name, value, is_self in zip(
        rows[spec.rows], rows[spec.columns], rows[spec.value], own, strict=True
    ):
        if value is not None and row in down and across_name in across:
            spot = down.index(row), across.index(across_name)
            matrix[spot] = value
            if is_self:
                marked.add(spot)
    across_size = 0.52 * len(across) + 0.9
    margins = Margins(
        left=label_inches(down, 8), top=0.2, bottom=0.35 + 0.7 * label_inches(across, 9)
    )
    canvas, [axes] = panels(1, 1, (across_size, 0.3 + 0.24 * len(down)), margins)
    values = [*matrix[np.isfinite(matrix)], spec.centre]
    span = max(0.05, *(abs(value - spec.centre) for value in values))
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
    axes.set_xticks(range(len(across)), [shortened(n) for n in across], rotation=40, ha="right")
    axes.set_yticks(range(len(down)), [shortened(name) for name in down], fontsize=8)
    bar = canvas.colorbar(image, ax=axes, label=spec.label)
    if min(values) < max(values):
        bar.ax.set_ylim(min(values), max(values))
    return canvas
