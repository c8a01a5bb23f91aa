"""Marks that come in pairs: quotation marks, brackets and Markdown emphasis.

Two uses: a short quotation or bracket is never cut, and a mark is no part of a sentence that its
partner is not part of.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from alignbench.annotation.sentences.characters import is_unspaced

MAX_PROTECTED: Final = 240
"""Code points of the longest quotation or bracket kept whole. A longer one is a text of its own."""

_MAX_SINGLE_QUOTED: Final = 120
"""Single marks are mostly apostrophes, so a far partner is not believed."""

OPENING: Final = "([{（［｛【「『《〈〔«‹“‘„‚"
CLOSING: Final = ")]}）］｝】」』》〉〕»›”’"
_PARTNER: Final = dict(zip(")]}）］｝】」』》〉〕»›", "([{（［｛【「『《〈〔«‹", strict=True))
_MARK: Final = re.compile(
    r"""\*+|_+|`+|["'()\[\]{}（）［］｛｝【】「」『』《》〈〉〔〕«»‹›“”„‘’‚]"""
)
_EMPHASIS: Final = "*_`"


class Mark(NamedTuple):
    """One mark and its partner, as half-open ranges of the caption.

    Emphasis without partner has its partner nowhere, at -1. Other marks without one are left out.
    """

    start: int
    end: int
    partner_start: int
    partner_end: int
    is_emphasis: bool


@dataclass(frozen=True, slots=True)
class PairedMarks:
    """The marks of one block, by the offsets at which they start and end."""

    starting: dict[int, Mark]
    ending: dict[int, Mark]
    _protected: Sequence[tuple[int, int]]

    def protects(self, position: int) -> bool:
        """Whether a sentence that began at `position` would begin inside a quotation or bracket."""
        at = bisect_right(self._protected, (position, -1)) - 1
        return at >= 0 and position < self._protected[at][1]


@dataclass(slots=True)
class _Scan:
    """Marks that are open so far, newest last, by the mark that can close them."""

    text: str
    start: int
    end: int
    marks: list[Mark] = field(default_factory=list)
    open_marks: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def push(self, key: str, start: int, end: int) -> None:
        self.open_marks.setdefault(key, []).append((start, end))

    def close(self, key: str, start: int, end: int, *, reach: int | None = None) -> bool:
        stack = self.open_marks.get(key)
        if not stack or (reach is not None and start - stack[-1][1] > reach):
            return False
        opened = stack.pop()
        is_emphasis = key[0] in _EMPHASIS
        self.marks.append(Mark(*opened, start, end, is_emphasis))
        self.marks.append(Mark(start, end, *opened, is_emphasis))
        return True

    def stray(self, start: int, end: int) -> None:
        self.marks.append(Mark(start, end, -1, -1, is_emphasis=True))

    def is_open(self, key: str) -> bool:
        return bool(self.open_marks.get(key))

    def before(self, position: int) -> str:
        return self.text[position - 1] if position > self.start else " "

    def after(self, position: int) -> str:
        return self.text[position] if position < self.end else " "


def pair_marks(text: str, start: int, end: int, *, is_whole_text: bool) -> PairedMarks:
    """Find the pairs of marks in `text[start:end]`, in time linear in its length.

    Args:
        text: The prose of a caption.
        start: Where a block of it begins.
        end: Where the block ends.
        is_whole_text: Whether that block is all the prose. Quotation marks around it then hold the
            caption, and not a quotation inside a sentence.
    """
    scan = _Scan(text, start, end)
    for match in _MARK.finditer(text, start, end):
        mark = match.group()
        if mark[0] in _EMPHASIS:
            _read_emphasis(scan, mark, match.start())
        elif mark == '"':
            _read_straight_quote(scan, match.start())
        elif mark in "'‘’‚":
            _read_single_quote(scan, mark, match.start())
        elif mark in "“”„":
            _read_curly_quote(scan, mark, match.start())
        elif mark in _PARTNER:
            scan.close(_PARTNER[mark], match.start(), match.end())
        else:
            scan.push(mark, match.start(), match.end())
    return _paired(scan, (start, end) if is_whole_text else None)


def _read_emphasis(scan: _Scan, mark: str, at: int) -> None:
    before, after = scan.before(at), scan.after(at + len(mark))
    can_open, can_close = not after.isspace(), not before.isspace()
    if mark[0] == "_":  # an underscore inside a word is part of a name
        can_open, can_close = can_open and not before.isalnum(), can_close and not after.isalnum()
    if can_close and scan.close(mark, at, at + len(mark)):
        return
    if can_open:
        scan.push(mark, at, at + len(mark))
    else:
        scan.stray(at, at + len(mark))


def _read_straight_quote(scan: _Scan, at: int) -> None:
    before, after = scan.before(at), scan.after(at + 1)
    can_open = _is_edge(before) and not after.isspace()
    can_close = not before.isspace() and _is_edge(after)
    if scan.is_open('"') and can_close:
        scan.close('"', at, at + 1)
    elif can_open:
        # An earlier mark still open was an inch mark or was never closed.
        scan.open_marks['"'] = [(at, at + 1)]


def _read_single_quote(scan: _Scan, mark: str, at: int) -> None:
    before, after = scan.before(at), scan.after(at + 1)
    can_close = mark in "’'" and not before.isspace() and _is_edge(after)
    if can_close and scan.close("'", at, at + 1, reach=_MAX_SINGLE_QUOTED):
        return
    # '90s is no quotation.
    if mark != "’" and _is_edge(before) and not before.isdigit() and after.isalpha():
        scan.open_marks["'"] = [(at, at + 1)]


def _read_curly_quote(scan: _Scan, mark: str, at: int) -> None:
    if mark == "”" or (mark == "“" and scan.is_open("„")):
        _ = scan.close("„", at, at + 1) or scan.close("“", at, at + 1)
    else:
        scan.push(mark, at, at + 1)


def _is_edge(char: str) -> bool:
    """Whether a quotation may begin after, or end before, this neighbour."""
    return not char.isalnum() or is_unspaced(char)


def _paired(scan: _Scan, unprotected: tuple[int, int] | None) -> PairedMarks:
    for key, stack in scan.open_marks.items():
        if key[0] in _EMPHASIS:
            for start, end in stack:
                scan.stray(start, end)
    protected = sorted(
        (mark.end, mark.partner_end)
        for mark in scan.marks
        if not mark.is_emphasis
        and 0 < mark.partner_end - mark.start <= MAX_PROTECTED
        and (mark.start, mark.partner_end) != unprotected
    )
    return PairedMarks(
        starting={mark.start: mark for mark in scan.marks},
        ending={mark.end: mark for mark in scan.marks},
        _protected=_merged(protected),
    )


def _merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
