"""Pages of reports. Everything in a page that comes from data or a model is escaped.

A report's own template extends `page.html.j2`, and shows each table by the macro of
`section.html.j2`. The only scripts that run in a page are those given to `page_templates`: its
policy names the hash of each.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

import pyarrow as pa
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alignbench.reporting.matrix import Figure, Turned
from alignbench.reporting.tables import heading, shown

MOST_ROWS: Final = 3000
"""Rows of a table in the page; the files beside it have them all."""

_SVG: Final = "data:image/svg+xml;base64,"
_LONG: Final = 40
"""Text of more letters is wrapped."""


class Heading(NamedTuple):
    """A column's heading, and whether its cells are numbers."""

    text: str
    number: bool


class Cell(NamedTuple):
    """A table's cell for people.

    Attributes:
        text: What is read.
        classes: How it looks.
        value: What it is sorted by, if it is a number.
    """

    text: str
    classes: str = ""
    value: float | None = None


class Script(NamedTuple):
    """A script of a page, and what its policy calls it."""

    text: Markup
    source: str


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
        table_first: Whether the table stands before the figure.
    """

    name: str
    title: str
    method: str
    notes: Sequence[str]
    figure: str | None
    columns: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0
    table_first: bool = False


def section(
    name: str,
    title: str,
    method: str,
    table: pa.Table | Turned,
    notes: Sequence[str] = (),
    figure: bytes | None = None,
) -> Section:
    """Returns the section of a table, which is shown up to `MOST_ROWS`; `figure` is SVG."""
    # As an image, so that nothing in it can run.
    image = None if figure is None else _SVG + base64.b64encode(figure).decode("ascii")
    said = method.replace("`", "")
    if isinstance(table, Turned):
        columns = [Heading(heading(name), number=False) for name in table.stub]
        columns += [Heading(name, number=True) for name in table.columns]
        rows = _turned_rows(table)
        return Section(name, title, said, notes, image, columns, rows, table_first=True)
    columns = [Heading(heading(f.name), number=_is_number(f.type)) for f in table.schema]
    left_out = max(0, len(table) - MOST_ROWS)
    return Section(name, title, said, notes, image, columns, _rows(table), left_out)


def page_templates(package: str, scripts: Sequence[str] = ()) -> Environment:
    """Returns the templates in a package's folder, and those that they stand on.

    Args:
        package: Full name of the package of a report.
        scripts: Files of that package, which run in its pages beside the one of tables.
    """
    loaders = [PackageLoader(package, "."), PackageLoader("alignbench.reporting", "templates")]
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    own = [_script("alignbench.reporting", "templates/tables.js")]
    environment.globals["own_scripts"] = [*own, *(_script(package, name) for name in scripts)]
    return environment


def _script(package: str, name: str) -> Script:
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Script(Markup(text), f"sha256-{digest}")  # noqa: S704 - a file of this software


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _rows(table: pa.Table) -> list[list[Cell]]:
    columns = [column.to_pylist() for column in table.slice(0, MOST_ROWS).columns]
    return [[_cell(value) for value in row] for row in zip(*columns, strict=True)]


def _cell(value: object) -> Cell:
    text = shown(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(text, "number", value)
    return Cell(text, "long" if len(text) > _LONG else "")


def _turned_rows(table: Turned) -> list[list[Cell]]:
    return [
        [*(_cell(name) for name in names), *map(_figure_cell, figures)]
        for names, figures in zip(table.names, table.figures, strict=True)
    ]


def _figure_cell(figure: Figure) -> Cell:
    marks = {"best": figure.is_best, "second": figure.is_second, "own": figure.is_own}
    classes = " ".join(["number", *(name for name, is_so in marks.items() if is_so)])
    return Cell(figure.text + (" †" if figure.is_own else ""), classes, figure.value)
