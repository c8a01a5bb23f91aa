"""Lists within a line, as in “The image shows: 1. A red bus. 2. Two people.”.

A number or letter is a marker only in a row of at least two that count on from the first: one, a or
i. The first stands at the beginning of the line, behind a colon or behind a full stop; the others
behind a full stop, or before a capital in a list that begins the line or that a colon announced.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from alignbench.annotation.sentences import lexicon
from alignbench.annotation.sentences.characters import CLOSERS, TERMINALS
from alignbench.annotation.sentences.marks import pair_marks

_ROMAN: Final = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_MARKER: Final = re.compile(
    r"(?:(?<=\s)|\A)(?:"
    r"(?P<open>\()?(?P<value>\d{1,3}|[ivxIVX]{1,4}|[a-zA-Z])(?P<close>[.)])"
    r"|(?P<keycap>\d)\ufe0f?\u20e3|(?P<circled>[\u2460-\u2473])"
    r"|(?P<bullet>[•‣◦▪●])|(?P<dash>[-–*])"
    r")[ \t]+(?=[\"'“‘„«*_(]{0,3}[^\W_])"
)
_WORD_BEFORE: Final = re.compile(r"([^\W\d_]+)\.\s*\Z")
_REACH: Final = 40
_BULLET: Final = "bullet"
_NO_LIST_BEHIND: Final = lexicon.BEFORE_NUMBERS | lexicon.NEVER_FINAL | lexicon.TITLES
_FEWEST_CAPITALS: Final = 3
"""A. and B. may be initials."""


class _Marker(NamedTuple):
    """A possible marker.

    Attributes:
        start: Where it begins.
        end: Where what it marks begins.
        style: How it is written; the markers of a list are written alike.
        ranks: Its place in a list, counted from 1, for each way to count.
        is_announced: Whether it stands behind a colon.
        is_after_stop: Whether it stands at the beginning or behind the end of a sentence.
        before_capital: Whether what it marks begins with a capital or a letter without case.
    """

    start: int
    end: int
    style: str
    ranks: dict[str, int]
    is_announced: bool
    is_after_stop: bool
    before_capital: bool


def inline_markers(
    line: str, *, first: str | None = None, following: str | None = None
) -> list[tuple[int, int]]:
    """Returns the ranges of the markers of lists within a line.

    Args:
        line: A line of prose without the marker that it begins with.
        first: The value of that marker, such as `1` or `a`; None if there is none.
        following: The value of the marker that the next line begins with; None if there is none.
    """
    found = [marker for match in _MARKER.finditer(line) if (marker := _read(line, match))]
    if len(found) + (first is not None) + (following is not None) < 2:
        return []
    marks = pair_marks(line, 0, len(line), is_whole_text=False)
    free = [marker for marker in found if not marks.protects(marker.start)]
    return [
        (marker.start, marker.end)
        for group in _lists(free, first)
        if len(group.markers) + group.goes_on(following) >= group.fewest
        for marker in group.markers
    ]


@dataclass(slots=True)
class _List:
    """A list so far.

    Attributes:
        markers: Those of its markers that stand within the line.
        ranks: The place of the last marker, for each way to count that all of them allow.
        is_announced: Whether it begins the line or stands behind a colon.
        fewest: With how many markers it is believed.
    """

    markers: list[_Marker]
    ranks: dict[str, int]
    is_announced: bool
    fewest: int

    def goes_on(self, following: str | None) -> bool:
        """Whether the next line begins with the marker that would come next."""
        return bool(self._next_ranks(_ranks(following or "")))

    def take(self, marker: _Marker) -> bool:
        """Takes a marker in if it is the next one; tells whether it was."""
        ranks = self._next_ranks(marker.ranks)
        is_free = marker.is_after_stop or (self.is_announced and marker.before_capital)
        if not ranks or not is_free:
            return False
        self.markers.append(marker)
        self.ranks = ranks
        return True

    def _next_ranks(self, ranks: dict[str, int]) -> dict[str, int]:
        return {
            kind: rank
            for kind, rank in ranks.items()
            if kind in self.ranks and (kind == _BULLET or self.ranks[kind] == rank - 1)
        }


def _lists(markers: list[_Marker], first: str | None) -> list[_List]:
    """The lists of a line; of those that are written alike, one is open at a time."""
    found: list[_List] = []
    by_style: dict[str, _List] = {}
    begun = None if first is None else _List([], _ranks(first), is_announced=True, fewest=1)
    if begun is not None:
        found.append(begun)
    for marker in markers:
        group = by_style.get(marker.style, begun)
        if group is not None and group.take(marker):
            if group is begun:
                by_style[marker.style], begun = group, None
        elif 1 in marker.ranks.values() and (marker.is_announced or marker.is_after_stop):
            ranks = {kind: rank for kind, rank in marker.ranks.items() if rank == 1}
            group = _List([marker], ranks, marker.is_announced, _fewest(marker))
            by_style[marker.style] = group
            found.append(group)
    return found


def _fewest(start: _Marker) -> int:
    is_initial = start.style.endswith("A.") and not start.is_announced
    return _FEWEST_CAPITALS if is_initial else 2


def _read(line: str, match: re.Match[str]) -> _Marker | None:
    before = line[max(0, match.start() - _REACH) : match.start()].rstrip(" \t")
    if _is_abbreviated(before):
        return None
    text = line[match.end() : match.end() + 8].lstrip("\"'“‘„«*_(")[:1]
    is_first = not before and match.start() < _REACH
    is_after_stop = is_first or before.rstrip(CLOSERS).endswith(tuple(TERMINALS))
    number = _number(match)
    return _Marker(
        match.start(),
        match.end(),
        _style(match),
        {_BULLET: 1} if number is None else _ranks(number),
        before.endswith((":", "：")),
        is_after_stop,
        not text.islower(),
    )


def _is_abbreviated(before: str) -> bool:
    """Tells whether a text ends in an abbreviation before numbers, as that before 1 in “No. 1”."""
    word = _WORD_BEFORE.search(before)
    return word is not None and word[1].casefold() in _NO_LIST_BEHIND


def _number(match: re.Match[str]) -> str | None:
    if match["circled"]:
        return str(ord(match["circled"]) - ord("①") + 1)
    return match["value"] or match["keycap"]


def _style(match: re.Match[str]) -> str:
    value = match["value"]
    if value is None:
        return match.lastgroup or ""
    kind = "1" if value.isdecimal() else "A" if value.isupper() else "a"
    return f"{match['open'] or ''}{kind}{match['close']}"


def _ranks(value: str) -> dict[str, int]:
    """Returns the places that a value can have: i is the first numeral and the ninth letter."""
    if value.isdecimal():
        return {"number": int(value)}
    small = value.lower()
    ranks = {"roman": _ROMAN.index(small) + 1} if small in _ROMAN else {}
    if len(small) == 1 and "a" <= small <= "z":
        ranks["letter"] = ord(small) - ord("a") + 1
    return ranks
