"""Pages of reports. Everything in a page that comes from data or a model is escaped.

A report's own template extends `page.html.j2`, and shows each table by the macro of
`section.html.j2`.
"""

import base64
from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from alignbench.reporting.tables import heading, shown

MOST_ROWS: Final = 300
"""Rows of a table in the page; the files beside it have them all."""

_SVG: Final = "data:image/svg+xml;base64,"


class Cell(NamedTuple):
    """A table's cell for people."""

    text: str
    number: bool


class Section(NamedTuple):
    """A section of a page: how something was computed, its figure and its table.

    Attributes:
        name: Its anchor, and the name of its files.
        title: Its heading.
        method: How it was computed.
        notes: What a reader must know of this very result.
        figure: A data URI; None if there is none.
        columns: Headings of the table.
        rows: As many as are shown.
        left_out: How many are not.
    """

    name: str
    title: str
    method: str
    notes: Sequence[str]
    figure: str | None
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left_out: int


def section(
    name: str, title: str, method: str, table: pa.Table, notes: Sequence[str], figure: bytes | None
) -> Section:
    """Returns the section of a table, which is shown up to `MOST_ROWS`; `figure` is SVG."""
    # As an image, so that nothing in it can run.
    image = None if figure is None else _SVG + base64.b64encode(figure).decode("ascii")
    columns = [heading(column) for column in table.column_names]
    left_out = max(0, len(table) - MOST_ROWS)
    rows = _rows(table.slice(0, MOST_ROWS))
    return Section(name, title, method.replace("`", ""), notes, image, columns, rows, left_out)


def page_templates(package: str) -> Environment:
    """Returns the templates in a package's folder, and those that they stand on.

    Args:
        package: Full name of the package of a report.
    """
    loaders = [PackageLoader(package, "."), PackageLoader("alignbench.reporting", "templates")]
    return Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _rows(table: pa.Table) -> list[list[Cell]]:
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return [
        [Cell(shown(cell), isinstance(cell, int | float) and not isinstance(cell, bool))
         for cell in row]
        for row in zip(*columns, strict=True)
    ]  # fmt: skip
