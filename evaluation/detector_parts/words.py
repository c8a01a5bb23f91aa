"""Words of a sentence, and their scores from those of tokens."""

import re
from collections.abc import Sequence
from typing import Final

from alignbench.schemas.rows.spans import WordScore

_WORD: Final = re.compile(r"[.,]|[^\s.,]+")
"""Words between white space; a full stop or comma is a word by itself, as in CLIP4DM."""


def words_from_tokens(
    text: str, offsets: Sequence[tuple[int, int]], scores: Sequence[float], begin: int = 0
) -> tuple[WordScore, ...]:
    """Returns each word's score: the mean over the tokens that begin in it.

    Args:
        text: What was tokenised.
        offsets: Of each token in the text, half-open; an empty one is no token of the text.
        scores: Of each token.
        begin: Where the sentence begins in the text; words before it are left out.

    Returns:
        The words that have a token, with offsets in the sentence.
    """
    found = []
    place = 0
    tokens = sorted(
        (start, score) for (start, end), score in zip(offsets, scores, strict=True) if end > start
    )
    for word in _WORD.finditer(text):
        while place < len(tokens) and tokens[place][0] < word.start():
            place += 1
        own = []
        while place < len(tokens) and tokens[place][0] < word.end():
            own.append(tokens[place][1])
            place += 1
        if own and word.start() >= begin:
            span = word.start() - begin, word.end() - begin
            found.append(WordScore(start=span[0], end=span[1], score=sum(own) / len(own)))
    return tuple(found)


def is_punctuation(word: str) -> bool:
    """Whether there is no letter and no digit in a word."""
    return not any(character.isalnum() for character in word)
