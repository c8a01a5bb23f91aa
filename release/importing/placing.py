"""Finding the words that a set calls wrong in the sentence they are of.

Words are looked for as they are and as whole words; only where that finds nothing, in any case of
letters, and last inside longer words. What was needed is flagged, what is not found is returned.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from alignbench.schemas.importing import ImportedSpan
from alignbench.schemas.vocabulary import HallucinationType, RowFlag


class Placed(NamedTuple):
    """Where words were found.

    Attributes:
        spans: In order, each once.
        flags: What is to be known of them.
        missing: Words that are nowhere in the sentence.
    """

    spans: tuple[ImportedSpan, ...]
    flags: tuple[RowFlag, ...]
    missing: tuple[str, ...]


def place_words(
    sentence: str, words: Sequence[str], kind: HallucinationType | None = None
) -> Placed:
    """Finds wrong words in a sentence.

    Args:
        sentence: The sentence.
        words: Each the text of one span; equal ones are looked for one behind the other.
        kind: The type of all of them.
    """
    ranges: set[tuple[int, int]] = set()
    flags: set[RowFlag] = set()
    missing = []
    for word in words:
        places, needed = _places(sentence, word.strip())
        free = [place for place in places if place not in ranges]
        if not free:
            missing.append(word)
            continue
        flags.update(needed)
        if len(places) > words.count(word):
            flags.add(RowFlag.SPANS_AMBIGUOUS)
        ranges.add(free[0])
    if missing:
        flags.add(RowFlag.SPANS_MISSING)
    spans = [ImportedSpan(a, b, sentence[a:b], kind) for a, b in sorted(ranges)]
    return Placed(tuple(spans), tuple(sorted(flags)), tuple(missing))


def word_places(text: str, word: str, *, any_case: bool = False) -> list[tuple[int, int]]:
    """Returns where a word, or several, stand as whole words."""
    pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
    flags = re.IGNORECASE if any_case else re.NOFLAG
    return [match.span() for match in re.finditer(pattern, text, flags)] if word else []


def _places(sentence: str, word: str) -> tuple[list[tuple[int, int]], tuple[RowFlag, ...]]:
    if not word:
        return [], ()
    if found := word_places(sentence, word):
        return found, ()
    if found := word_places(sentence, word, any_case=True):
        return found, (RowFlag.SPAN_CASE_DIFFERS,)
    if found := [m.span() for m in re.finditer(re.escape(word), sentence)]:
        return found, (RowFlag.SPAN_INSIDE_WORD,)
    found = [m.span() for m in re.finditer(re.escape(word), sentence, re.IGNORECASE)]
    return found, (RowFlag.SPAN_CASE_DIFFERS, RowFlag.SPAN_INSIDE_WORD)
