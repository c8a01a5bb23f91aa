"""A long table as a paper prints it."""

import pyarrow as pa
import pytest

from alignbench.reporting.latex import latex_matrix
from alignbench.reporting.matrix import Matrix, turned

TABLE = pa.table(
    {
        "detector": ["a", "a", "b", "b", "c", "c", "d"],
        "model": ["m", "n", "m", "n", "m", "n", "m"],
        "auroc": [0.9, 0.5, 0.80004, None, 0.79996, 0.6, 0.7],
        "self": [False, True, None, False, True, False, False],
    }
)
MATRIX = Matrix(("detector",), "model", "auroc", own="self")


def test_the_best_and_the_second_best_of_a_column_are_marked_and_what_prints_alike_shares() -> None:
    found = turned(TABLE, MATRIX)
    of_m = [row[0] for row in found.figures]
    assert [figure.text for figure in of_m] == ["90.0", "80.0", "80.0", "70.0"]
    assert [figure.is_best for figure in of_m] == [True, False, False, False]
    assert [figure.is_second for figure in of_m] == [False, True, True, False]
    assert [row[1].text for row in found.figures] == ["50.0", "--", "60.0", "--"]
    assert [row[1].is_own for row in found.figures] == [True, False, False, False]


def test_a_single_figure_is_not_called_the_best() -> None:
    found = turned(TABLE.slice(0, 2), MATRIX)
    assert not any(figure.is_best for row in found.figures for figure in row)


def test_latex_prints_the_best_bold_the_second_underlined_and_marks_the_own_family() -> None:
    text = latex_matrix(turned(TABLE, MATRIX), "Main", "tab:main")
    assert r"a & \textbf{90.0} & \underline{50.0}\rlap{\ensuremath{^\dagger}} \\" in text
    assert r"b & \underline{80.0} & -- \\" in text


def test_the_matrix_as_a_table_has_figures_in_full() -> None:
    table = turned(TABLE, MATRIX).table()
    assert table.column_names == ["detector", "m", "n"]
    assert table.to_pylist()[1] == {"detector": "b", "m": pytest.approx(80.004), "n": None}
