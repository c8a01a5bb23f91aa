"""How the text of a table file is read: its encoding, and its lines in bounded memory."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TextIO

from pydantic import AfterValidator

from alignbench.schemas.configuration.mistakes import refusing
from alignbench.schemas.protocols import Options

MAX_LINE: Final = 16 << 20
"""Most characters of one line."""

NOT_DECODED: Final = re.compile("[\ud800-\udfff]")
"""What stands where the bytes are not of the file's encoding."""

# UTF-32's mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_MARK: Final = 4


def _is_unknown(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return True
    return False


Encoding = Annotated[
    str,
    AfterValidator(
        refusing(
            _is_unknown,
            "it is no encoding of text that Python knows",
            "Give one such as utf-16, cp1252, gb18030 or shift_jis.",
        )
    ),
]


class TableFileOptions(Options):
    """How a file of entries is written, where its name and beginning do not tell.

    Attributes:
        encoding: Of a text file that is not UTF-8. One that begins with the mark of UTF-8, UTF-16
            or UTF-32 needs none.
        quotes: Whether `"` around a field is no part of it and keeps line breaks in it; not set,
            so in `.csv` and not in `.tsv`.
    """

    encoding: Encoding | None = None
    quotes: bool | None = None

    @property
    def layout(self) -> "TableLayout":
        """What these options say."""
        return TableLayout(self.encoding, self.quotes)


class TableLayout(NamedTuple):
    """How a file of entries is written; None where its name and beginning tell."""

    encoding: str | None = None
    quotes: bool | None = None


def open_text(path: Path, encoding: str | None) -> TextIO:
    """Opens a text file in the encoding that its mark tells, or else in the one that is named.

    Bytes that are not of it become surrogates (`NOT_DECODED`), so that a line can fail alone.

    Args:
        path: The file.
        encoding: The one that is named; None for UTF-8.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as file:
        beginning = file.read(_LONGEST_MARK)
    told = next((name for mark, name in _MARKS if beginning.startswith(mark)), encoding or "utf-8")
    # Codecs of two and four bytes cannot hold an escaped byte, but a lone surrogate.
    is_wide = codecs.lookup(told).name.startswith(("utf-16", "utf-32"))
    errors = "surrogatepass" if is_wide else "surrogateescape"
    return path.open(encoding=told, errors=errors, newline="")


def bounded_lines(file: TextIO, most: int) -> Iterator[str | None]:
    """Yields lines with their ends; None for one of `most` characters or more, which is skipped."""
    while line := file.readline(most):
        if len(line) < most or line.endswith(("\n", "\r")):
            yield line
            continue
        while line and not line.endswith(("\n", "\r")):
            line = file.readline(most)
        yield None
