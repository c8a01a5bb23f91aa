"""Reading CSV and TSV: every line becomes a part of one entry or of one failure, none vanishes.

A quotation mark that nothing closes would make one field of all the lines up to the next such mark.
So a field that takes further lines in is believed only if it ends, and if those lines do not look
like entries themselves; otherwise its first line fails, and the next one is read anew.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TextIO

from alignbench.generators.sources.table_text import MAX_LINE, NOT_DECODED, bounded_lines

MAX_LINES: Final = 1_000
"""Most lines of one entry."""

_ENDING: Final = re.compile(r"(\.[A-Za-z0-9]{2,5})$")


class Row(NamedTuple):
    """An entry's fields, or why its line is none.

    Attributes:
        line: The number of its first line, from 1.
        fields: The fields; empty if there are none.
        wrong: What is wrong; empty if nothing is.
    """

    line: int
    fields: list[str]
    wrong: str = ""


class DelimitedRows:
    """The rows of a CSV or TSV file, header first.

    Args:
        file: Opened without translation of line ends.
        delimiter: What stands between fields.
        quotes: Whether fields may be quoted.
    """

    def __init__(self, file: TextIO, delimiter: str, *, quotes: bool) -> None:
        # The module's own limit, for the whole process, is 131,072; captions can be longer.
        csv.field_size_limit(MAX_LINE)
        self._unread: deque[str | None] = deque()
        self._lines = bounded_lines(file, MAX_LINE)
        self._line = 0
        self._delimiter = delimiter
        self._quotes = quotes

    def header(self) -> list[str]:
        """Returns the names of the columns; none of an empty file.

        Raises:
            csv.Error: The first line cannot be read.
        """
        row = self._next_row(None, ())
        if row is None:
            return []
        if row.wrong:
            raise csv.Error(row.wrong)
        return row.fields

    def rows(self, header: Sequence[str], required: Sequence[int]) -> Iterator[Row]:
        """Yields the rows behind the header.

        Args:
            header: The names of the columns.
            required: Places of the columns by whose values an entry is told from other text.
        """
        while (row := self._next_row(len(header), required)) is not None:
            if row.fields or row.wrong:
                yield row

    def _next_row(self, width: int | None, required: Sequence[int]) -> Row | None:
        first = self._line + 1
        taken: list[str | None] = []
        try:
            fields = next(self._reader(self._take(taken)), None)
        except csv.Error as error:
            self._put_back(taken)
            return Row(first, [], _advice(f"it is not CSV: {error}", taken))
        if not taken:
            return None
        if None in taken:
            self._put_back(taken)
            return Row(first, [], f"it is longer than {MAX_LINE:,} bytes")
        fields = fields or []
        wrong = self._wrong(fields, [line or "" for line in taken], width, required)
        if wrong:
            self._put_back(taken)
        return Row(first, [] if wrong else fields, wrong)

    def _wrong(
        self, fields: list[str], taken: list[str], width: int | None, required: Sequence[int]
    ) -> str:
        if any(map(NOT_DECODED.search, fields)):
            return "its bytes are not of the file's encoding; set `encoding` if it is not UTF-8"
        if width is None or not fields:
            return ""
        if len(fields) != width:
            return _advice(f"it has {len(fields)} fields, the header {width}", taken)
        swallowed = [line for line in taken[1:] if self._is_entry(line, fields, required)]
        if swallowed:
            return (
                "a quotation mark in it is closed only lines later, behind lines that are entries "
                "of their own; write a mark that is part of a text twice, within two others"
            )
        return ""

    def _is_entry(self, line: str, fields: Sequence[str], required: Sequence[int]) -> bool:
        """Tells whether a line within a quoted field looks like an entry of its own."""
        try:
            own = next(self._reader(iter([line.replace('"', "")])), [])
        except csv.Error:
            return False
        return len(own) == len(fields) and any(
            _are_of_a_kind(own[place], fields[place]) for place in required
        )

    def _reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        quoting = csv.QUOTE_MINIMAL if self._quotes else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self._delimiter, strict=True, quoting=quoting)

    def _take(self, taken: list[str | None]) -> Iterator[str]:
        """Yields the next lines as they are asked for, and notes them."""
        while len(taken) < MAX_LINES:
            line = self._unread.popleft() if self._unread else next(self._lines, "")
            if line == "":
                return
            self._line += 1
            taken.append(line)
            if line is None:
                return
            yield line

    def _put_back(self, taken: Sequence[str | None]) -> None:
        """Lets all but the first of some lines be read again."""
        self._unread.extendleft(reversed(taken[1:]))
        self._line -= len(taken) - 1


def _advice(wrong: str, taken: Sequence[str | None]) -> str:
    if len(taken) > 1:
        return f"{wrong}; a quotation mark in it is not closed where it should be"
    return wrong


def _are_of_a_kind(one: str, other: str) -> bool:
    """Tells whether two texts are both file names of one ending, or both addresses."""
    if any(" " in text.strip() for text in (one, other)):
        return False
    if other.startswith(("http://", "https://")):
        return one.startswith(("http://", "https://"))
    endings = [_ENDING.search(text.strip()) for text in (one, other)]
    found = [ending[1].lower() for ending in endings if ending is not None]
    return len(found) == 2 and found[0] == found[1]
