"""Words that CLIP4DM's published code takes as misaligned, and what it makes of them.

Words are those between spaces, a full stop or comma being one by itself (`words`). Of these the
code drops what stands somewhere in one string of punctuation: `!` and `,!` go, `?!` and a dash
stay.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from alignbench.schemas.rows.spans import WordScore

_PUNCTUATION: Final = '.,!"?;:" '
"""A word that is a contiguous piece of this is dropped; the order of the characters matters."""


class Phrase(NamedTuple):
    """Misaligned words that follow one another.

    Attributes:
        words: They, in order; what was dropped between them is not there.
        score: Their mean score.
    """

    words: tuple[WordScore, ...]
    score: float

    def spoken(self, text: str) -> str:
        """Returns the words as the published code writes them: with single spaces between."""
        return " ".join(text[word.start : word.end] for word in self.words)


def is_dropped(word: str) -> bool:
    """Tells whether a word is punctuation to the published code."""
    return word in _PUNCTUATION


def kept_words(text: str, words: Sequence[WordScore]) -> list[WordScore]:
    """Returns the words that are not dropped, in the order of the sentence."""
    in_order = sorted(words, key=lambda word: word.start)
    return [word for word in in_order if not is_dropped(text[word.start : word.end])]


def misaligned_words(text: str, words: Sequence[WordScore], threshold: float) -> list[WordScore]:
    """Returns the words that score below a threshold and are not dropped."""
    return [word for word in kept_words(text, words) if word.score < threshold]


def misaligned_phrases(
    text: str, words: Sequence[WordScore], threshold: float
) -> tuple[Phrase, ...]:
    """Returns the misaligned words, those together that nothing but dropped words parts."""
    return tuple(
        Phrase(run, sum(word.score for word in run) / len(run))
        for run in _runs(kept_words(text, words), threshold)
    )


def lowest_word(words: Sequence[WordScore]) -> WordScore | None:
    """Returns the word with the lowest score, punctuation included; the first of several."""
    return min(words, key=lambda word: (word.score, word.start), default=None)


def lowest_phrase(phrases: Sequence[Phrase]) -> Phrase | None:
    """Returns the phrase with the lowest score; the first of several."""
    return min(phrases, key=lambda phrase: phrase.score, default=None)


def _runs(words: Sequence[WordScore], threshold: float) -> Iterator[tuple[WordScore, ...]]:
    run: list[WordScore] = []
    for word in words:
        if word.score < threshold:
            run.append(word)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)
