"""Several releases in one table: each is evaluated by itself, and its means stand side by side."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Dots,
    Heatmap,
    table_of,
)
from alignbench.evaluation.analyses.by_model import INTERVAL_METHOD, MEAN, POOLED
from alignbench.evaluation.evaluate import REPORT, RESULTS, Evaluation, write_results
from alignbench.evaluation.report.html import PACKAGE, analysis_section
from alignbench.reporting.html import page_templates
from alignbench.reporting.matrix import Matrix, turned

MEAN_OF_RELEASES: Final = "mean of releases"

_SCHEMA: Final = {
    "detector": TEXT,
    "release": TEXT,
    "models": TEXT,
    "correct": COUNT,
    "incorrect": COUNT,
    "auroc": NUMBER,
    **INTERVAL,
    "pooled": NUMBER,
    "pooled_low": NUMBER,
    "pooled_high": NUMBER,
}
_MATRIX: Final = Matrix(("detector",), "release", "auroc", replaces_table=True)


class Together(NamedTuple):
    """What an evaluation of several releases gave.

    Attributes:
        report: The page of all.
        analyses: Its tables.
        evaluations: That of each release, by the release's name.
    """

    report: Path
    analyses: Sequence[Analysis]
    evaluations: Mapping[str, Evaluation]


def report_together(
    evaluations: Mapping[str, Evaluation], out: Path, *, figures: bool = True
) -> Together:
    """Writes the report of several releases.

    Args:
        evaluations: By the name of their release, each of the same detectors.
        out: Folder of the report, made if it is not there.
        figures: Whether figures are drawn.
    """
    analyses = by_release(evaluations)
    out.mkdir(parents=True, exist_ok=True)
    drawn = write_results(out / RESULTS, analyses, draw=figures)
    page = page_templates(PACKAGE).get_template("together.html.j2")
    text = page.render(
        sections=[analysis_section(a, drawn.get(a.name)) for a in analyses],
        releases=[
            {"name": name, "report": Path(os.path.relpath(done.report, out)).as_posix()}
            for name, done in evaluations.items()
        ],
    )
    (out / REPORT).write_text(text, encoding="utf-8")
    return Together(out / REPORT, analyses, evaluations)


def by_release(evaluations: Mapping[str, Evaluation]) -> list[Analysis]:
    """Returns detectors by releases, in percent, and the same with intervals and counts."""
    rows = [row for name, done in evaluations.items() for row in _rows(name, done)]
    table = table_of(_SCHEMA, rows)
    means = _means(rows, list(evaluations))
    turned_from = pa.concat_tables([table, table_of(_SCHEMA, means)])
    missing = {row["detector"] for row in means if row["auroc"] is None}
    notes = [
        f"{name}: no mean of releases, since it has no figure on one of them."
        for name in sorted(map(str, missing))
    ]
    return [
        Analysis(
            "main_table",
            "Detectors by release",
            "The mean AUROC over generating models on each release, and the unweighted "
            f"mean over releases. {_MATRIX.legend()}",
            turned(turned_from, _MATRIX).table(),
            Heatmap("detector", "release", "auroc", "AUROC", centre=0.5, percent=True),
            tuple(notes),
            drawn=turned_from,
            matrix=_MATRIX,
        ),
        Analysis(
            "auroc_by_release",
            "AUROC by release",
            "The unweighted mean over the generating models of a release for which every detector "
            f"has a figure (`models`), and over all its sentences (`pooled`). {INTERVAL_METHOD}",
            table,
            Dots("release", "detector", "auroc", "AUROC", 0.5),
        ),
    ]


def _rows(release: str, done: Evaluation) -> list[dict[str, object]]:
    by_model = next(a.table for a in done.analyses if a.name == "auroc_by_model").to_pylist()
    pooled = {row["detector"]: row for row in by_model if row["model"] == POOLED}
    kept = ("detector", "models", "correct", "incorrect", "auroc", "low", "high", "why_null")
    return [
        {
            "release": release,
            **{name: row[name] for name in kept},
            "pooled": pooled[row["detector"]]["auroc"],
            "pooled_low": pooled[row["detector"]]["low"],
            "pooled_high": pooled[row["detector"]]["high"],
        }
        for row in by_model
        if row["model"] == MEAN
    ]


def _means(
    rows: Sequence[Mapping[str, object]], releases: Sequence[str]
) -> list[dict[str, object]]:
    """Returns the mean of each detector that has a figure on every release."""
    found: dict[object, list[object]] = {}
    for row in rows:
        found.setdefault(row["detector"], []).append(row["auroc"])
    return [
        {
            "detector": detector,
            "release": MEAN_OF_RELEASES,
            "auroc": None
            if None in values or len(values) < len(releases)
            else float(np.mean(np.array(values, float))),
        }
        for detector, values in found.items()
    ]
