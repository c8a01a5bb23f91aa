"""An analysis as its figure: the same table gives the same bytes."""

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
from alignbench.evaluation.figures.dots import dots
from alignbench.evaluation.figures.heatmap import heatmap
from alignbench.evaluation.figures.lines import lines
from alignbench.evaluation.figures.marks import Rows
from alignbench.evaluation.figures.radar import radar
from alignbench.evaluation.figures.scatter import scatter
from alignbench.reporting.figures import drawing_style, encoded, report_style


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
            return dots(rows, spec)
        case Radar():
            return radar(rows, spec)
        case Lines():
            return lines(rows, spec)
        case Heatmap():
            return heatmap(rows, spec)
        case Scatter():
            return scatter(rows, spec)
