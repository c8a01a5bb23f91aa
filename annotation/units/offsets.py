"""Where a marked text lies in a sentence, whichever unit its offsets were counted in.

Browsers count UTF-16 units, Python counts code points, and versions of Label Studio differ in which
they send. Neither is assumed: the text that came with the offsets decides.
"""

from typing import NamedTuple, TypeGuard

_LAST_ONE_UNIT_CHARACTER = 0xFFFF


class MarkedRange(NamedTuple):
    """A range of a sentence in code points, and whether other offsets had been given for it."""

    start: int
    end: int
    repaired: bool


def marked_range(sentence: str, text: str, start: object, end: object) -> MarkedRange | None:
    """Returns the range of the sentence that a marked text stands for.

    Tried in turn: the offsets as code points, the offsets as UTF-16 units, the only occurrence of
    the text. Offsets are believed if the words between them are the text's; white space may differ,
    because a browser's selection rewrites it.

    Args:
        sentence: The whole sentence.
        text: The marked text.
        start: Where it is said to start; anything but an integer proves nothing.
        end: Where it is said to end, exclusive.

    Returns:
        The range, never empty, or None if the text proves no single one.
    """
    if not _words(text):
        return None
    if is_offset(start) and is_offset(end):
        if _reads(sentence[start:end], text):
            return MarkedRange(start, min(end, len(sentence)), repaired=False)
        first, last = _code_point(sentence, start), _code_point(sentence, end)
        if first is not None and last is not None and _reads(sentence[first:last], text):
            return MarkedRange(first, last, repaired=True)
    only = sentence.find(text)
    if only < 0 or sentence.find(text, only + 1) >= 0:
        return None
    return MarkedRange(only, only + len(text), repaired=True)


def is_offset(value: object) -> TypeGuard[int]:
    """Tells whether a value can be a place in a text."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _reads(part: str, text: str) -> bool:
    return part == text or _words(part) == _words(text)


def _words(text: str) -> list[str]:
    # Label Studio writes a line break in a selection as a backslash and an n.
    return text.replace("\\n", " ").split()


def _code_point(sentence: str, unit: int) -> int | None:
    """Returns the code point at which a UTF-16 unit starts; None inside one or past the end."""
    units = 0
    for index, character in enumerate(sentence):
        if units >= unit:
            return index if units == unit else None
        units += 2 if ord(character) > _LAST_ONE_UNIT_CHARACTER else 1
    return len(sentence) if units == unit else None
