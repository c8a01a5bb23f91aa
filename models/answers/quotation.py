"""What a text quotes: words in quotation marks or code are the picture's, not the model's own."""

import re
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import Final

_REACH: Final = 240
"""Code points from a word within which the marks around it must stand."""
_EDGE: Final = 40
"""Code points from an end of the text within which a mark may open or close all of it."""
_MARKS: Final = re.compile(r"[\"'`“”„‘’‚«»「」『』]")
_PARTNERS: Final = {
    '"': '"', "'": "'", "`": "`", "“": "”", "„": "“”", "‘": "’", "‚": "‘’", "«": "»", "»": "«",
    "「": "」", "『": "』",
}  # fmt: skip
_FENCE: Final = re.compile(r"^[ \t]*(`{3,}|~{3,})", re.MULTILINE)


class Quotations:
    """The quotations and the fenced code of a text.

    Marks and fences around the whole text quote nothing: some models put their answer in them.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._fenced = _fenced_ranges(text)

    def hold(self, start: int, end: int) -> bool:
        """Tells whether `text[start:end]` stands in code or between quotation marks."""
        at = bisect_right(self._fenced, (start, len(self._text))) - 1
        in_fence = at >= 0 and start < self._fenced[at][1]
        return in_fence or self.mark(start, end)

    def mark(self, start: int, end: int) -> bool:
        """Tells whether `text[start:end]` stands between quotation marks or backticks of a line."""
        text, marks = self._text, self._marks
        before, after = bisect_left(marks, start) - 1, bisect_left(marks, end)
        if before < 0 or after == len(marks):
            return False
        opening, closing = marks[before], marks[after]
        if start - opening > _REACH or closing - end > _REACH:
            return False
        if "\n" in text[opening:start] or "\n" in text[end:closing]:
            return False
        if text[closing] not in _PARTNERS.get(text[opening], ""):
            return False
        if self._are_all(opening, closing + 1):
            return False
        if text[opening] not in "\"'`":
            return True
        # A straight mark after a letter or digit closes, or is an apostrophe or an inch mark.
        behind, ahead = text[max(0, opening - 1) : opening], text[closing + 1 : closing + 2]
        return not (behind.isalnum() or ahead.isalnum() or text[opening + 1].isspace())

    @cached_property
    def _marks(self) -> list[int]:
        return [mark.start() for mark in _MARKS.finditer(self._text)]

    def _are_all(self, start: int, end: int) -> bool:
        """Tells whether nothing stands before `start` and after `end`."""
        text = self._text
        near = start <= _EDGE and len(text) - end <= _EDGE
        return near and not text[:start].strip() and not text[end:].strip()


def _fenced_ranges(text: str) -> list[tuple[int, int]]:
    """Returns the ranges between two code fences; a fence that nothing closes is none."""
    ranges: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]):
            ranges.append((opened.start(), fence.end()))
            opened = None
    if len(ranges) == 1 and not (text[: ranges[0][0]].strip() or text[ranges[0][1] :].strip()):
        return []
    return ranges
