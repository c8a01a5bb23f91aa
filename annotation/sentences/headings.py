"""Which lines, and which beginnings of lines, are headings.

A heading is dropped, so what could be a statement about the image must not be taken for one: a
heading is short, has no predicate that we know, and does not end as a sentence does.
"""

import re
from typing import Final

from alignbench.annotation.sentences.characters import TERMINALS, is_unspaced
from alignbench.annotation.sentences.lexicon import HEADING_NOUNS, PREDICATES

_MAX_BOLD_WORDS: Final = 12
_MAX_TITLE_WORDS: Final = 10
_MAX_RUN_IN_WORDS: Final = 8
_MAX_COLON_WORDS: Final = 5
_MAX_POINTED_WORDS: Final = 3
_CHARACTERS_PER_WORD: Final = 2

_HASH: Final = re.compile(r"#{1,6}(?:\s|$)|#{2,6}(?=\w)")
_WRAPPED: Final = re.compile(r"(\*{2,3}|__|[*_](?=.+[:：][*_]?$))(?=\S)(?P<inner>.+?)\1[:：]?$")
_RUN_IN: Final = re.compile(
    r"(?:(?<=[.!?。！？][ \t])|(?<=[。！？])|^)"
    r"(?P<mark>\*{1,3}|_{1,3})(?P<inner>[^\s*_](?:[^*_\n]{0,100}[^\s*_])?)(?P=mark)"
    r"(?P<joint>[ \t]*[:：]|[ \t]+[-–—](?=[ \t]))?[ \t]*(?=(?P<next>\S))"
)
_EDGE_MARKS: Final = "*_ \t"


def is_heading_line(line: str) -> bool:
    """Whether a line, without its list marker, is nothing but a heading."""
    return _HASH.match(line) is not None or _is_wrapped(line) or _is_colon_line(line)


def is_title(line: str) -> bool:
    """Whether the text above an underline reads like a title: short and without a full stop."""
    return "\n" not in line and _is_short(line, _MAX_TITLE_WORDS) and line[-1] not in TERMINALS


def run_in_headings(line: str) -> list[tuple[int, int]]:
    """Ranges of `**Heading:** `, `**Heading** – ` and `**Heading.** ` before prose of their own."""
    return [match.span() for match in _RUN_IN.finditer(line) if _is_run_in(match)]


def _is_wrapped(line: str) -> bool:
    match = _WRAPPED.match(line)
    if match is None:
        return False
    inner = match["inner"].strip(_EDGE_MARKS)
    return bool(inner) and inner[-1] not in TERMINALS and _is_short(inner, _MAX_BOLD_WORDS)


def _is_colon_line(line: str) -> bool:
    title = line.rstrip(_EDGE_MARKS)
    if not title.endswith((":", "：")):
        return False
    words = [word.strip(_EDGE_MARKS).casefold() for word in title[:-1].split()]
    has_sentence = any(word and word[-1] in TERMINALS for word in words)
    return _is_short(title, _MAX_COLON_WORDS) and not has_sentence and PREDICATES.isdisjoint(words)


def _is_run_in(match: re.Match[str]) -> bool:
    inner = match["inner"]
    if not _is_short(inner, _MAX_RUN_IN_WORDS):
        return False
    if inner[-1] in ":：" or match["joint"]:
        # "**Sky**: clear" says something about the sky: there, the bold word is the subject.
        return not match["next"].islower()
    words = inner[:-1].casefold().split()
    return (
        inner[-1] == "."
        and len(words) <= _MAX_POINTED_WORDS
        and not HEADING_NOUNS.isdisjoint(words)
        and PREDICATES.isdisjoint(words)
    )


def _is_short(title: str, words: int) -> bool:
    """Whether it has at most so many words; a script without spaces is measured by characters."""
    unspaced = sum(map(is_unspaced, title))
    return len(title.split()) <= words and unspaced <= words * _CHARACTERS_PER_WORD
