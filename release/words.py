"""The words of a sentence, as ranges of code points: what span consensus counts votes by.

A word is a token of spaCy's language-independent tokenizer, punctuation included. In scripts that
are written without spaces a word is a character with the marks that combine with it.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from operator import attrgetter
from typing import Any, Final, NamedTuple

from alignbench.schemas.errors import MissingExtraError

_UNSPACED: Final = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "]"
)


_KEPT_TEXTS: Final = 8192
"""Texts whose words are kept: a sentence is asked for several times while its votes are read."""


class Word(NamedTuple):
    """A half-open range of code points."""

    start: int
    end: int


@lru_cache(_KEPT_TEXTS)
def words(text: str) -> tuple[Word, ...]:
    """Returns the words of a text in order; white space is in none.

    Raises:
        MissingExtraError: spaCy is not installed.
    """
    found: list[Word] = []
    for token in _tokenizer()(text):
        if token.is_space:
            continue
        start = token.idx
        if _UNSPACED.search(token.text):
            found += [Word(start + a, start + b) for a, b in _characters(token.text)]
        else:
            found.append(Word(start, start + len(token.text)))
    return tuple(found)


def touched(span: tuple[int, int], ranges: Sequence[Word]) -> frozenset[int]:
    """Returns the numbers of the words that have a character in a span.

    Args:
        span: Its offsets.
        ranges: The words, in order.
    """
    start, end = span
    first = bisect_right(ranges, start, key=attrgetter("end"))
    return frozenset(range(first, bisect_left(ranges, end, key=attrgetter("start"))))


def _characters(token: str) -> Iterator[Word]:
    """Yields each character of an unspaced script by itself, and what is between them whole."""
    start = 0
    for position in range(1, len(token) + 1):
        if position == len(token) or _begins_word(token, position):
            yield Word(start, position)
            start = position


def _begins_word(token: str, position: int) -> bool:
    if unicodedata.category(token[position]).startswith("M"):
        return False
    here, before = token[position], token[position - 1]
    return bool(_UNSPACED.match(here) or _UNSPACED.match(before))


def has_tokenizer() -> bool:
    """Tells whether `words` can be used: whether spaCy is installed."""
    return find_spec("spacy") is not None


@cache
def _tokenizer() -> Any:
    try:
        import spacy
    except ModuleNotFoundError:
        raise MissingExtraError(
            "Agreeing on wrong spans by word needs the package 'spacy', which is not installed.",
            "Install it: pip install 'alignbench[pipeline]'.",
        ) from None
    return spacy.blank("xx").tokenizer
