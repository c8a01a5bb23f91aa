"""The main table of a paper: detectors by generating models, and the mean, in percent."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.evaluation.analyses.analysis import Analysis, Heatmap
from alignbench.evaluation.analyses.by_model import OWN_MEAN, POOLED
from alignbench.reporting.matrix import Matrix, turned

_MATRIX: Final = Matrix(
    ("detector",), "model", "auroc", best="highest", own="self", replaces_table=True
)


def main_table(by_model: Analysis) -> Analysis:
    """Returns the main table.

    Args:
        by_model: AUROC of each detector on each generating model, as `by_model` gives it.
    """
    model = by_model.table["model"]
    kept = by_model.table.filter(pc.invert(pc.is_in(model, pa.array([POOLED, OWN_MEAN]))))
    return Analysis(
        "main_table",
        "Detectors by generating model",
        "AUROC of correct against incorrect sentences (50 is chance), for each "
        f"generating model, and their unweighted mean. {_MATRIX.legend()} Intervals, and the "
        f"models that the mean is over, stand under “{by_model.title}”.",
        turned(kept, _MATRIX).table(),
        Heatmap("detector", "model", "auroc", "AUROC", centre=0.5, percent=True),
        drawn=kept,
        matrix=_MATRIX,
    )
