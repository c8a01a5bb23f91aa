"""AUROC beside an outside figure of each model, such as its score on MMMU."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from scipy.stats import pearsonr, spearmanr

from alignbench.evaluation.analyses.analysis import COUNT, NUMBER, TEXT, Analysis, Scatter, table_of
from alignbench.evaluation.analyses.by_model import ModelAuroc
from alignbench.evaluation.errors import ScoreFileError
from alignbench.evaluation.scores.scored import Scored, Sentences

FEWEST: Final = 3
"""Points from which on a correlation is more than a line through them."""

_SCHEMA = {"of": TEXT, "name": TEXT, "outside": NUMBER, "auroc": NUMBER}
_RESULT = {
    "of": TEXT,
    "points": COUNT,
    "pearson_r": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "p": NUMBER,
    "spearman_rho": NUMBER,
}


def read_outside(path: str) -> dict[str, float]:
    """Returns figures by name, from a CSV file with the columns `model` and `value`.

    Raises:
        ScoreFileError: It cannot be read, or lacks a column.
    """
    try:
        table = pa_csv.read_csv(path)
        values = table["value"].cast(pa.float64())
        return {
            str(name): value
            for name, value in zip(table["model"].to_pylist(), values.to_pylist(), strict=True)
            if value is not None
        }
    except (OSError, KeyError, pa.ArrowException) as error:
        raise ScoreFileError(
            f"{path} cannot be read as outside figures: {error}.",
            "Give a CSV file with the columns model and value.",
        ) from None


def correlations(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
    outside: Mapping[str, float],
    label: str,
) -> list[Analysis]:
    """Returns the points, and the correlations over them.

    Args:
        sentences: Of the release.
        detectors: Those with a result.
        aurocs: Of each detector.
        outside: A figure for generating models, detectors, or both, by name.
        label: What the figure is.
    """
    points: list[dict[str, object]] = []
    for detector, found in zip(detectors, aurocs, strict=True):
        for code, model in enumerate(sentences.model.names):
            if model in outside and np.isfinite(found.values[code]):
                points.append(_point(f"generating models, by {detector.name}", model,
                                     outside[model], float(found.values[code])))  # fmt: skip
        if detector.name in outside and np.isfinite(found.mean().value):
            points.append(_point("detectors", detector.name, outside[detector.name],
                                 found.mean().value))  # fmt: skip
    table = table_of(_SCHEMA, points)
    kinds = dict.fromkeys(str(point["of"]) for point in points)
    rows = [_correlated(kind, [point for point in points if point["of"] == kind]) for kind in kinds]
    return [
        Analysis(
            "correlation_points",
            f"AUROC and {label}",
            f"AUROC of a detector on each generating model, and the mean AUROC of each detector, "
            f"beside that model's {label}.",
            table,
            Scatter("outside", "auroc", "name", label, "AUROC"),
        ),
        Analysis(
            "correlation",
            f"Correlation with {label}",
            "Pearson's r with its 95 % interval by Fisher's transformation, and Spearman's rho, "
            f"over models. Null below {FEWEST} points; few models make wide intervals.",
            table_of(_RESULT, rows),
            None,
        ),
    ]


def _point(of: str, name: str, outside: float, auroc: float) -> dict[str, object]:
    return {"of": of, "name": name, "outside": outside, "auroc": auroc}


def _correlated(of: str, points: Sequence[Mapping[str, object]]) -> dict[str, object]:
    row: dict[str, object] = {"of": of, "points": len(points)}
    one = np.array([point["outside"] for point in points], float)
    other = np.array([point["auroc"] for point in points], float)
    if len(points) < FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return row
    found = pearsonr(one, other)
    row |= {"pearson_r": float(found.statistic), "p": float(found.pvalue)}
    if len(points) > FEWEST:  # Fisher's transformation has no variance for three
        low, high = found.confidence_interval()
        row |= {"low": float(low), "high": float(high)}
    return row | {"spearman_rho": float(spearmanr(one, other).statistic)}
