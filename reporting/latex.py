r"""Tables in LaTeX that stay within a two-column page: `\input` works without further definitions.

A document needs `booktabs`, `array` and `graphicx`. What is too wide is parted by columns, what is
too long by rows, and each part is a `table*` of its own. How wide a column will be is reckoned from
its letters; should a class set them wider, the part is scaled down to the page by TeX itself.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from alignbench.reporting.matrix import Figure, Turned
from alignbench.reporting.tables import heading, shown

PREAMBLE: Final = "% Needs \\usepackage{booktabs,array,graphicx}; see docs/researchers.md.\n"

LINE_POINTS: Final = 395.0
"""The width that parts are made for: that of the narrowest common page (NeurIPS has 397)."""

_BODY_POINTS: Final = 440.0
"""The height that rows and headings may take; a caption and its space come on top."""

_LETTER, _LINE, _GAP = 4.6, 9.6, 6.0
"""Points that a letter, a line and the space between columns take at `footnotesize`."""

_WRAPPED_FROM, _WRAPPED_POINTS = 26, 104.0
"""Text of more letters is wrapped in a column of so many points."""

_UNBROKEN: Final = 8
"""Letters in a row within which wrapped text may always be broken."""

_FLOATS_HELD: Final = 8
"""LaTeX holds few floats back; after so many parts they are set."""

_DEFINITIONS: Final = r"""\providecommand{\alignbenchfit}[1]{\sbox0{#1}%
  \ifdim\wd0>\textwidth\typeout{alignbench: scaled from \the\wd0}%
  \resizebox{\textwidth}{!}{\usebox0}\else\usebox0\fi}
\providecommand{\alignbenchletter}[2]{\ifdefined\Umathchar\char#1\relax\else{[U+#2]}\fi}
"""

_ESCAPES: Final = {
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
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # a shorthand in German documents
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a row's end it would begin an option
    "]": "{]}",
    "*": "{*}",
    "†": r"\ensuremath{^\dagger}",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "‘": r"\char96{}",
    "“": "``",
    "”": "''",
    "\u00a0": "~",
    "\u2060": "{}",  # stands where letters must not be joined
}
_LIGATURE: Final = re.compile("-(?=-)")


class _Column(NamedTuple):
    """A column as it will be set.

    Attributes:
        heading: Its heading, not escaped.
        cells: Set already, one a row.
        points: How wide its cells are.
        lines: How many lines each cell takes.
        wrapped: Whether its text is wrapped.
        is_number: Whether it is set at the right.
        leads: Whether it stands at the left of every part.
    """

    heading: str
    cells: Sequence[str]
    points: float
    lines: Sequence[int]
    wrapped: bool = False
    is_number: bool = False
    leads: bool = False

    def width(self, *, turned: bool) -> float:
        if turned and not self.leads:
            return max(self.points, _LINE * _wrapped_lines(self.heading)) + _GAP
        return max(self.points, _letters(self.heading) if not self.wrapped else 0) + _GAP


def latex(table: pa.Table, caption: str, label: str) -> str:
    r"""Returns a long table in LaTeX; columns in which nothing stands are left out.

    Args:
        table: With numbers, text and flags.
        caption: Text, escaped here.
        label: What `\ref` finds its first part by.
    """
    columns: list[_Column] = []
    leads = True
    for field, column in zip(table.schema, table.columns, strict=True):
        if len(column) and column.null_count == len(column):
            continue
        is_number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        leads = leads and not is_number and len(columns) < 2
        texts = [shown(cell) for cell in column.to_pylist()]
        columns.append(_text_column(heading(field.name), texts, is_number=is_number, leads=leads))
    return _written(columns, caption, label)


def latex_matrix(matrix: Turned, caption: str, label: str) -> str:
    r"""Returns a matrix in LaTeX: the best of a column bold, the second underlined.

    Args:
        matrix: The matrix.
        caption: Text, escaped here.
        label: What `\ref` finds its first part by.
    """
    columns = [
        _text_column(heading(name), [names[place] for names in matrix.names], leads=True)
        for place, name in enumerate(matrix.stub)
    ]
    for place, name in enumerate(matrix.columns):
        figures = [row[place] for row in matrix.figures]
        columns.append(
            _Column(
                name,
                [_marked(figure) for figure in figures],
                max((_letters(f.text) + (_LETTER if f.is_own else 0) for f in figures), default=0),
                [1] * len(figures),
                is_number=True,
            )
        )
    return _written(columns, caption, label)


def escaped(text: str) -> str:
    """Returns text that LaTeX prints as it is; letters that its fonts lack by their numbers."""
    return "".join(map(_letter, _LIGATURE.sub("-\u2060", text)))


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isspace():
        return " "
    if unicodedata.category(letter).startswith("C"):
        return "" if letter < "\x80" else _by_number(letter)
    if letter < "\x80" or ("À" <= letter <= "ſ" and letter not in "×÷ĸŀĿŉſŦŧĦħ"):
        return letter
    return _by_number(letter)


def _by_number(letter: str) -> str:
    return f"\\alignbenchletter{{{ord(letter)}}}{{{ord(letter):04X}}}"


def _text_column(
    name: str, texts: Sequence[str], *, is_number: bool = False, leads: bool = False
) -> _Column:
    longest = max(map(_letters, texts), default=0.0)
    if is_number or longest <= _WRAPPED_FROM * _LETTER:
        cells = ["--" if text == "--" else escaped(text) for text in texts]
        return _Column(name, cells, longest, [1] * len(texts), False, is_number, leads)
    lines = [_wrapped_lines(text) for text in texts]
    return _Column(name, list(map(_breakable, texts)), _WRAPPED_POINTS, lines, True, False, leads)


def _wrapped_lines(text: str) -> int:
    if _letters(text) <= _WRAPPED_POINTS:
        return 1
    return math.ceil(1.25 * _letters(text) / _WRAPPED_POINTS)


def _letters(text: str) -> float:
    """Returns the width of text in points; capitals and letters given by number are wider."""
    return sum(
        _LETTER if letter < "\x80" and not letter.isupper() else 1.4 * _LETTER
        if letter < "ſ"
        else 9 * _LETTER
        for letter in text
    )  # fmt: skip


def _breakable(text: str) -> str:
    r"""Returns escaped text that may be broken anywhere but within a few letters."""
    pieces, run = [], 0
    for letter in text:
        pieces.append(escaped(letter))
        run = run + 1 if letter.isalnum() and letter < "\x80" else _UNBROKEN
        if run >= _UNBROKEN and not letter.isspace():
            pieces.append(r"\allowbreak{}")
            run = 0
    return "".join(pieces)


def _marked(figure: Figure) -> str:
    text = figure.text if figure.value is None else escaped(figure.text)
    if figure.is_best:
        text = rf"\textbf{{{text}}}"
    elif figure.is_second:
        text = rf"\underline{{{text}}}"
    return text + (r"\rlap{\ensuremath{^\dagger}}" if figure.is_own else "")


def _written(columns: Sequence[_Column], caption: str, label: str) -> str:
    turned = sum(column.width(turned=False) for column in columns) > LINE_POINTS
    blocks = list(_blocks(columns, turned=turned))
    parts = [(block, rows) for block in blocks for rows in _pages(block, turned=turned)]
    written = [PREAMBLE, _DEFINITIONS]
    for number, (block, rows) in enumerate(parts):
        more = f" (part {number + 1} of {len(parts)})" if len(parts) > 1 else ""
        reference = label if number == 0 else f"{label}:{number + 1}"
        place = "[tp]" if len(parts) == 1 else "[p]"
        written.append(_float(block, rows, caption + more, reference, place, turned=turned))
        if number and number % _FLOATS_HELD == 0:
            written.append("\\clearpage\n")
    return "".join(written)


def _blocks(columns: Sequence[_Column], *, turned: bool) -> Iterator[list[_Column]]:
    """Yields the columns in parts that fit a line, those that lead at the left of each."""
    lead = [column for column in columns if column.leads]
    used = start = sum(column.width(turned=turned) for column in lead)
    block = list(lead)
    for column in columns[len(lead) :]:
        width = column.width(turned=turned)
        if len(block) > len(lead) and used + width > LINE_POINTS:
            yield block
            used, block = start, list(lead)
        block.append(column)
        used += width
    yield block


def _pages(block: Sequence[_Column], *, turned: bool) -> Iterator[range]:
    """Yields the rows in parts that fit a page."""
    rows = len(block[0].cells) if block else 0
    left = room = _BODY_POINTS - (_heading_points(block) if turned else _LINE)
    first = 0
    for row in range(rows):
        height = _LINE * max(column.lines[row] for column in block)
        if row > first and height > left:
            yield range(first, row)
            first, left = row, room
        left -= height
    yield range(first, rows)


def _heading_points(block: Sequence[_Column]) -> float:
    longest = max((_letters(c.heading) for c in block if not c.leads), default=0.0)
    return min(longest, _WRAPPED_POINTS) + _LINE


def _float(
    block: Sequence[_Column],
    rows: Sequence[int],
    caption: str,
    label: str,
    place: str,
    *,
    turned: bool,
) -> str:
    kinds = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{column.points:.0f}pt}}"
        if column.wrapped
        else "r" if column.is_number else "l"
        for column in block
    )  # fmt: skip
    lines = [
        rf"\begin{{table*}}{place}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escaped(caption)}}}\label{{{label}}}",
        rf"\alignbenchfit{{\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        " & ".join(_heading(column, turned=turned) for column in block) + r" \\",
        r"\midrule",
        *(" & ".join(column.cells[row] for column in block) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _heading(column: _Column, *, turned: bool) -> str:
    if _letters(column.heading) > _WRAPPED_POINTS:
        text = rf"\parbox{{{_WRAPPED_POINTS:.0f}pt}}{{\raggedright {_breakable(column.heading)}}}"
    else:
        text = escaped(column.heading)
    if turned and not column.leads:
        return rf"\rotatebox{{90}}{{{text}}}"
    return rf"\multicolumn{{1}}{{r}}{{{text}}}" if column.is_number else text
