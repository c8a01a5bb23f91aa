"""LaTeX tables compile within the text width of a two-column page, whatever stands in them."""

from pathlib import Path

import pyarrow as pa
import pytest

from alignbench.reporting.latex import escaped, latex, latex_matrix
from alignbench.reporting.matrix import Matrix, turned
from tests.reporting.typesetting import needs_latex, typeset

HOSTILE = (
    r"\input{/etc/passwd} \write18{rm} $x^2$ & 50 % # _ {a} ~ ^ < > | \"a ` ' -- --- [b] * …",
    "[first] in a cell",
    "*",
    "日本語の説明 and Ελληνικά and emoji 🎈 é ß Ø",
    "a" * 300,
    "tabs\tand\nlines\r\nand \x00 \x07 \u202e controls",
)


def test_text_is_printed_as_it_is_and_never_run() -> None:
    found = escaped(HOSTILE[0])
    assert found.startswith(r"\textbackslash{}input\{/etc/passwd\}")
    assert r"50 \% \# \_ \{a\} \textasciitilde{} \textasciicircum{}" in found
    assert r"\textless{} \textgreater{} \textbar{}" in found
    assert "-{}- -{}-{}-" in found, "Hyphens are not joined to a dash."
    assert escaped("日") == r"\alignbenchletter{26085}{65E5}"
    assert escaped("a\x00\nb") == "a b"


def test_columns_in_which_nothing_stands_are_left_out() -> None:
    table = pa.table({"a_b": ["x"], "n": [0.5], "gone": pa.array([None], pa.string())})
    text = latex(table, "50 % & more", "tab:x")
    assert r"a b & \multicolumn{1}{r}{n} \\" in text
    assert r"x & 0.500 \\" in text
    assert r"\caption{50 \% \& more}\label{tab:x}" in text


@pytest.mark.parametrize("options", ["twocolumn", "twocolumn,a4paper", "twocolumn,11pt"])
def test_hostile_long_and_wide_tables_stay_within_the_page(tmp_path: Path, options: str) -> None:
    needs_latex()
    table = pa.table(
        {
            "detector": [*HOSTILE, *(f"detector-{n}" for n in range(120))],
            "model": [*reversed(HOSTILE), *(["some/model:with-a-long.name_of_its_own"] * 120)],
            **{f"measure_{k}_of_many": [0.123 + k] * 126 for k in range(14)},
            "why_null": [*HOSTILE, *(["Fewer than 5 images with incorrect sentences: 4."] * 120)],
        }
    )
    (tmp_path / "long.tex").write_text(latex(table, HOSTILE[0], "tab:l"), encoding="utf-8")
    heads = [f"{name}{place}" for place in range(5) for name in HOSTILE]
    wide = pa.table(
        {
            "detector": ["one"] * 30 + ["two"] * 30,
            "model": heads * 2,
            "auroc": [k / 60 for k in range(60)],
            "self": [k % 7 == 0 for k in range(60)],
        }
    )
    matrix = turned(wide, Matrix(("detector",), "model", "auroc", own="self"))
    (tmp_path / "wide.tex").write_text(latex_matrix(matrix, "Wide", "tab:w"), encoding="utf-8")
    found = typeset(tmp_path, sorted(tmp_path.glob("*.tex")), options)
    assert (found.overfull, found.too_large, found.scaled) == ([], 0, 0)
