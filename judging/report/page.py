"""A report's page and files."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from alignbench.judging.report.parts import Part
from alignbench.judging.report.results import Results
from alignbench.judging.report.sections import sections
from alignbench.judging.report.worst import worst_clusters
from alignbench.reporting.html import page_templates, section
from alignbench.reporting.latex import latex
from alignbench.reporting.tables import csv_bytes

PAGE = "report.html"


class ReportFiles(NamedTuple):
    """A report.

    Attributes:
        files: Its files by their paths: the page, and each table as CSV and LaTeX.
        tables: Its tables by their names.
    """

    files: Mapping[str, bytes]
    tables: Mapping[str, pa.Table]


def report_files(results: Results, notes: Sequence[str], *, draw: bool) -> ReportFiles:
    """Returns a report.

    Args:
        results: What it is made of.
        notes: What a reader must know of all of it.
        draw: Whether figures are drawn, for which Matplotlib is needed.
    """
    parts = sections(results)
    files: dict[str, bytes] = {}
    figures = _figures(results, parts) if draw else {}
    for part in parts:
        files[f"results/{part.name}.csv"] = csv_bytes(part.table)
        text = latex(part.table, part.title, f"tab:{part.name}")
        files[f"results/{part.name}.tex"] = text.encode()
        if part.name in figures:
            files[f"results/{part.name}.svg"] = figures[part.name]
    page = (
        page_templates("alignbench.judging.report")
        .get_template("report.html.j2")
        .render(
            questions=len(results.questions),
            clusters=results.questions.clusters,
            models=len({one.model for one in results.answers}),
            judges=results.judges,
            notes=notes,
            sections=[
                section(p.name, p.title, p.method, p.table, p.notes, figures.get(p.name))
                for p in parts
            ],
            worst=worst_clusters(results),
        )
    )
    files[PAGE] = page.encode()
    return ReportFiles(files, {part.name: part.table for part in parts})


def _figures(results: Results, parts: Sequence[Part]) -> dict[str, bytes]:
    from alignbench.judging.report.figures import figure_of  # Matplotlib is an extra

    if not results.judges:
        return {}
    scale = results.judges[0].scale
    return {part.name: drawn for part in parts if (drawn := figure_of(part, scale)) is not None}
