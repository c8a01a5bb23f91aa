"""Scatter plots with names."""

from matplotlib.figure import Figure as Canvas

from alignbench.evaluation.analyses.analysis import Scatter
from alignbench.evaluation.figures.marks import MOST_GROUPS, Rows, distinct, shortened
from alignbench.reporting.panels import Margins, panels


def scatter(rows: Rows, spec: Scatter) -> Canvas:
    """Draws a panel of named points for each kind."""
    kinds = distinct(rows["of"])[:MOST_GROUPS]
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
                shortened(rows[spec.names][place], 20),
                (rows[spec.x][place], rows[spec.y][place]),
                fontsize=6,
                xytext=(3, 3),
                textcoords="offset points",
            )
        axes.set_title(shortened(kind, 44), fontsize=8)
    canvas.supxlabel(spec.x_label, fontsize=9, y=0.05 / canvas.get_figheight(), va="bottom")
    canvas.supylabel(spec.label, fontsize=9, x=0.08 / canvas.get_figwidth())
    return canvas
