"""Where a sentence could end inside a block of prose.

A candidate is the offset at which a next sentence would begin, with what stands before it. Finding
them is linear in the length of the block, whatever it holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from alignbench.annotation.sentences.characters import (
    CLOSERS,
    ELLIPSES,
    EXCLAIMING,
    PICTOGRAPH_JOINERS,
    PICTOGRAPHS,
    PLAIN_TERMINALS,
    TERMINALS,
    WIDE_TERMINALS,
    is_unspaced,
)
from alignbench.annotation.sentences.lexicon import FILE_ENDINGS

_MAX_TOKEN: Final = 60
_SPACE_WITHOUT_WIDTH: Final = "\u200b"

# Possessive quantifiers and the look-behind keep the time linear on runs of marks.
_ENDING: Final = re.compile(
    rf"(?<![{re.escape(TERMINALS)}])"
    rf"(?P<mark>(?:\.(?:[ \u00a0]\.){{2,}}|[{re.escape(TERMINALS)}])++)"
    rf"(?P<closers>[{re.escape(CLOSERS)}]*+(?:[ \u00a0\u202f]»)?)"
    r"(?P<space>\s*+)"
)
_LINE_BREAK: Final = re.compile(r"\n\s*+")
_EMOJI_RUN: Final = re.compile(rf"(?:[{PICTOGRAPHS}][{PICTOGRAPH_JOINERS}]*+[ \t]*+)++")
_EMOJI_END: Final = re.compile(
    rf"(?<![{PICTOGRAPHS}{PICTOGRAPH_JOINERS}])(?:[{PICTOGRAPHS}][{PICTOGRAPH_JOINERS}]*+)++"
    r"[ \t]++(?=[^\W\d_a-z])"
)
_GLUED_NEXT: Final = re.compile(r"(?P<word>[A-Z][a-z]*)(?![\w@/])")
_ADDRESS_SIGNS: Final = frozenset("/@_\\")


class Decision(Enum):
    """Whether a sentence ends at a candidate; `ASK` leaves it to the model."""

    BREAK = auto()
    JOIN = auto()
    ASK = auto()


class Ending(Enum):
    """What stands before a candidate."""

    FULL_STOP = auto()
    ELLIPSIS = auto()
    EXCLAMATION = auto()
    PLAIN = auto()
    WIDE = auto()
    GLUED = auto()
    LINE_BREAK = auto()
    EMOJI = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place where one sentence could end and the next begin.

    Attributes:
        ending: What stands before it.
        mark: Offset at which the final punctuation begins, or the sentence's text ends without.
        start: Offset at which the next sentence would begin.
        closers: Quotation marks, brackets and emphasis that close after the punctuation.
        crosses_line: Whether a line break lies between.
    """

    ending: Ending
    mark: int
    start: int
    closers: str = ""
    crosses_line: bool = False


def find_candidates(prose: str, start: int, end: int) -> list[Candidate]:
    """All candidates in the block `prose[start:end]`, in order."""
    found: dict[int, Candidate] = {}
    for candidate in _punctuated(prose, start, end):
        found[candidate.start] = candidate
    for match in _LINE_BREAK.finditer(prose, start, end):
        found.setdefault(
            match.end(),
            Candidate(Ending.LINE_BREAK, match.start(), match.end(), crosses_line=True),
        )
    for match in _EMOJI_END.finditer(prose, start, end):
        # At the start of a line an emoji opens it.
        before = prose[max(start, match.start() - 2) : match.start()].rstrip(" \t")
        if not before or before[-1] == "\n":
            continue
        found.setdefault(match.end(), Candidate(Ending.EMOJI, match.end(), match.end()))
    return [found[offset] for offset in sorted(found) if offset < end]


def _punctuated(prose: str, start: int, end: int) -> Iterator[Candidate]:
    for match in _ENDING.finditer(prose, start, end):
        next_start = match.end()
        crosses_line = "\n" in match["space"]
        # On its own line an emoji opens what follows; on the same line it closes what was said.
        emoji = None if crosses_line else _EMOJI_RUN.match(prose, next_start, end)
        if emoji:
            line_break = _LINE_BREAK.match(prose, emoji.end(), end)
            next_start = line_break.end() if line_break else emoji.end()
            crosses_line = line_break is not None
        ending = (
            _ending(match["mark"], prose, next_start)
            if match["space"] or emoji or _SPACE_WITHOUT_WIDTH in match["closers"]
            else _unspaced_ending(match, prose, end)
        )
        if ending is not None:
            yield Candidate(ending, match.start(), next_start, match["closers"], crosses_line)


def _ending(mark: str, prose: str, next_start: int) -> Ending:
    last = mark.rstrip()[-1]
    if last in WIDE_TERMINALS:
        return Ending.WIDE
    if last in PLAIN_TERMINALS:
        return Ending.PLAIN
    if not set(EXCLAIMING).isdisjoint(mark):
        return Ending.EXCLAMATION
    if is_unspaced(prose[next_start : next_start + 1]):
        return Ending.WIDE
    return Ending.ELLIPSIS if len(mark) > 1 or last in ELLIPSES else Ending.FULL_STOP


def _unspaced_ending(match: re.Match[str], prose: str, end: int) -> Ending | None:
    """What punctuation ends when no space follows it; mostly nothing, as in 3.5 or a.jpg."""
    last = match["mark"][-1]
    if last in WIDE_TERMINALS:
        return Ending.WIDE
    if last in PLAIN_TERMINALS:
        return Ending.PLAIN
    before, after = prose[match.start() - 1 : match.start()], prose[match.end() : match.end() + 1]
    if is_unspaced(after) and (is_unspaced(before) or match["closers"]):
        return Ending.WIDE
    return Ending.GLUED if _is_glued(match, prose, end) else None


def _is_glued(match: re.Match[str], prose: str, end: int) -> bool:
    """Whether it looks like "on the sofa.The dog": two words, and no address or file name."""
    following = _GLUED_NEXT.match(prose, match.end(), end)
    if following is None or following["word"].casefold() in FILE_ENDINGS:
        return False
    token_start = match.start()
    while token_start > 0 and not prose[token_start - 1].isspace():
        token_start -= 1
        if match.start() - token_start > _MAX_TOKEN:
            return False
    before = prose[token_start : match.start()]
    tail = prose[match.end() : match.end() + _MAX_TOKEN].split(maxsplit=1)[0]
    return (
        len(before) > 1
        and before[-1].islower()
        and "." not in before
        and _ADDRESS_SIGNS.isdisjoint(before + tail)
    )
