"""The report's page. Everything in it that comes from a release or a detector is escaped."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.report.examples import Example
from alignbench.evaluation.tables import heading, shown

MOST_ROWS: Final = 300
"""Rows of a table in the page; the files beside it have them all."""
_SVG: Final = "data:image/svg+xml;base64,"


class Cell(NamedTuple):
    """A table's cell for people."""

    text: str
    number: bool


class Part(NamedTuple):
    """A section of the page; `figure` is a data URI."""

    name: str
    title: str
    method: str
    notes: Sequence[str]
    figure: str | None
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left_out: int


class About(NamedTuple):
    """What an evaluation is of."""

    release: str
    sentences: int
    images: int
    models: int
    resamples: int
    notes: Sequence[str]


def render(
    about: About,
    analyses: Sequence[Analysis],
    figures: Mapping[str, bytes],
    examples: Sequence[Example],
    detectors: Sequence[Mapping[str, Any]],
) -> str:
    """Returns the page.

    Args:
        about: What it is of.
        analyses: Its sections, in order.
        figures: SVG by the name of the analysis.
        examples: Sentences that are shown.
        detectors: What is written down of each detector.
    """
    environment = Environment(
        loader=PackageLoader("alignbench.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        **about._asdict(),
        parts=[_part(analysis, figures.get(analysis.name)) for analysis in analyses],
        examples=examples,
        detectors=[
            {"name": record["name"], "text": json.dumps(record, ensure_ascii=False)}
            for record in detectors
        ],
    )


def _part(analysis: Analysis, figure: bytes | None) -> Part:
    table = analysis.table
    return Part(
        analysis.name,
        analysis.title,
        analysis.method.replace("`", ""),
        analysis.notes,
        # As an image, so that nothing in it can run.
        None if figure is None else _SVG + base64.b64encode(figure).decode("ascii"),
        [heading(name) for name in table.column_names],
        _rows(table.slice(0, MOST_ROWS)),
        max(0, len(table) - MOST_ROWS),
    )


def _rows(table: pa.Table) -> list[list[Cell]]:
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return [
        [Cell(shown(cell), isinstance(cell, int | float) and not isinstance(cell, bool))
         for cell in row]
        for row in zip(*columns, strict=True)
    ]  # fmt: skip
