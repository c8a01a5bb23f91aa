"""Sentences that are longer than a model reads: in parts, at the borders of words."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"\S+\s*")


class Window(NamedTuple):
    """A part of a sentence, `text[start:end]`."""

    start: int
    end: int


def whole(text: str) -> list[Window]:
    """Returns a text as one part; a text that is nothing but white space has none."""
    return [Window(0, len(text))] if text.strip() else []


def windows(text: str, fits: Callable[[str], bool]) -> list[Window]:
    """Returns the parts of a text that a model reads one at a time; one part where it fits whole.

    Parts are as long as they can be, begin at a word, and together are the whole text. Only a word
    that does not fit by itself is cut, and a text that is nothing but white space has no part.

    Args:
        text: A sentence.
        fits: Whether the model reads a text to its end.
    """
    if not text.strip() or fits(text):
        return whole(text)
    found: list[Window] = []
    for word in _WORD.finditer(text):
        last = found[-1] if found else None
        if last is not None and fits(text[last.start : word.end()]):
            found[-1] = Window(last.start, word.end())
        else:
            found += _pieces(text, word.start(), word.end(), fits)
    return found


def _pieces(text: str, start: int, end: int, fits: Callable[[str], bool]) -> list[Window]:
    if fits(text[start:end]) or end - start == 1:
        return [Window(start, end)]
    middle = (start + end) // 2
    return [*_pieces(text, start, middle, fits), *_pieces(text, middle, end, fits)]
