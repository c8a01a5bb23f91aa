"""A table as files: CSV, LaTeX and Parquet."""

import io
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\n": " ",
}
_NULL: Final = "--"
_DIGITS: Final = 3


def csv_bytes(table: pa.Table) -> bytes:
    """Returns a table as CSV, floats in full and a null as nothing."""
    buffer = io.BytesIO()
    pa_csv.write_csv(table, buffer)
    return buffer.getvalue()


def parquet_bytes(table: pa.Table) -> bytes:
    """Returns a table as Parquet."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def latex(table: pa.Table, caption: str, label: str) -> str:
    r"""Returns a table in LaTeX, with the rules of booktabs.

    Args:
        table: With numbers, text and flags.
        caption: Text, escaped here.
        label: What `\ref` finds it by.
    """
    kinds = [pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
             for field in table.schema]  # fmt: skip
    columns = [table.column(name).to_pylist() for name in table.column_names]
    lines = [
        r"\begin{table}",
        rf"\caption{{{escaped(caption)}}}\label{{{label}}}",
        rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in kinds)}}}",
        r"\toprule",
        " & ".join(escaped(heading(name)) for name in table.column_names) + r" \\",
        r"\midrule",
        *(
            " & ".join(escaped(shown(cell)) for cell in row) + r" \\"
            for row in zip(*columns, strict=True)
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Returns text that LaTeX prints as it is."""
    return "".join(_LATEX.get(character, character) for character in text)


def heading(column: str) -> str:
    """Returns a column's name for people."""
    return column.replace("_", " ")


def shown(cell: object) -> str:
    """Returns a cell for people: floats with three digits, a null as `--`."""
    if cell is None:
        return _NULL
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.{_DIGITS}f}" if abs(cell) < 1000 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
