"""The words of a sentence, as ranges of code points: what span consensus counts votes by.

A word is a token of spaCy's language-independent tokenizer, punctuation included. In scripts that
are written without spaces a word is a character with the marks that combine with it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
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


class Word(NamedTuple):
    """A half-open range of code points."""

    start: int
    end: int


def words(text: str) -> list[Word]:
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
    return found


def touched(span: tuple[int, int], ranges: Sequence[Word]) -> frozenset[int]:
    """Returns the numbers of the words that have a character in a span, given by its offsets."""
    start, end = span
    return frozenset(
        index for index, word in enumerate(ranges) if word.start < end and start < word.end
    )


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
