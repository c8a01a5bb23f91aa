"""A long table turned into a matrix, as papers print it: names down, names across, figures inside.

The best figure of each column is told from the second best by what a reader sees: figures that are
printed alike share a place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

NULL = "--"
"""What stands where there is no figure."""


class Matrix(NamedTuple):
    """How a table is turned.

    Attributes:
        rows: Columns of the table whose values stand at the left, the first of them first.
        columns: The column whose values head columns.
        value: The column of figures.
        percent: Whether they are printed in percent, with one digit.
        best: Whether `highest` or `lowest` is best; None if neither is.
        own: A column of flags; a figure with it is marked as the detector's own family.
        replaces_table: Whether a page shows the matrix in the table's place.
        only: Values of `columns` that are printed; all if empty.
    """

    rows: tuple[str, ...]
    columns: str
    value: str
    percent: bool = True
    best: str | None = "highest"
    own: str | None = None
    replaces_table: bool = False
    only: tuple[str, ...] = ()

    def legend(self) -> str:
        """Returns what the marks mean, as a sentence or two."""
        said = ["In percent."] if self.percent else []
        if self.best is not None:
            said.append(f"Bold: best ({self.best}); underlined: second.")
        if self.own is not None:
            said.append("† the detector's own family.")
        return " ".join(said)


class Figure(NamedTuple):
    """A printed figure.

    Attributes:
        text: As it is printed.
        value: In the units that are printed; None if there is none.
        is_best: Whether it is the best of its column.
        is_second: Whether it is the second best.
        is_own: Whether it is of the detector's own family.
    """

    text: str = NULL
    value: float | None = None
    is_best: bool = False
    is_second: bool = False
    is_own: bool = False


class Turned(NamedTuple):
    """A turned table.

    Attributes:
        stub: Headings of the columns at the left.
        columns: Headings of the columns of figures.
        names: For each row its values of the stub.
        figures: For each row its figures.
    """

    stub: tuple[str, ...]
    columns: tuple[str, ...]
    names: Sequence[tuple[str, ...]]
    figures: Sequence[Sequence[Figure]]

    def table(self) -> pa.Table:
        """Returns it as a table of its figures in full; two columns may have one name."""
        stub = [pa.array(found, pa.string()) for found in zip(*self.names, strict=True)]
        stub = stub or [pa.array([], pa.string()) for _ in self.stub]
        figures = [
            pa.array([row[place].value for row in self.figures], pa.float64())
            for place in range(len(self.columns))
        ]
        return pa.Table.from_arrays([*stub, *figures], names=[*self.stub, *self.columns])


def turned(table: pa.Table, matrix: Matrix) -> Turned:
    """Returns a table turned as a matrix; of figures in the same place the last counts."""
    rows = table.to_pylist()
    names = list(dict.fromkeys(_stub(row, matrix) for row in rows))
    found = dict.fromkeys(row[matrix.columns] for row in rows)
    heads = [name for name in found if not matrix.only or name in matrix.only]
    figures = {(_stub(row, matrix), row[matrix.columns]): _figure(row, matrix) for row in rows}
    grid = [[figures.get((name, head), Figure()) for head in heads] for name in names]
    if matrix.best is not None:
        _rank(grid, matrix.best)
    return Turned(matrix.rows, tuple(str(head) for head in heads), names, grid)


def _stub(row: Mapping[str, Any], matrix: Matrix) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in matrix.rows)


def _figure(row: Mapping[str, Any], matrix: Matrix) -> Figure:
    value = row[matrix.value]
    is_own = bool(matrix.own and row[matrix.own])
    if value is None:
        return Figure(is_own=is_own)
    if matrix.percent:
        return Figure(f"{100 * value:.1f}", 100 * value, is_own=is_own)
    return Figure(f"{value:.3f}", value, is_own=is_own)


def _rank(grid: Sequence[list[Figure]], best: str) -> None:
    for place in range(len(grid[0]) if grid else 0):
        printed = {float(row[place].text) for row in grid if row[place].value is not None}
        order = sorted(printed, reverse=best == "highest")
        if len(order) < 2:
            continue
        for row in grid:
            figure = row[place]
            if figure.value is not None:
                shown = float(figure.text)
                row[place] = figure._replace(is_best=shown == order[0], is_second=shown == order[1])
