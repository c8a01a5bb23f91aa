"""Words as CLIP4DM's published code takes them: contiguous punctuation goes, the rest stays."""

import pytest

from alignbench.evaluation.detector_parts.misaligned_words import (
    is_dropped,
    lowest_word,
    misaligned_phrases,
    misaligned_words,
)
from alignbench.schemas.rows.spans import WordScore

TEXT = "A dog - very large - runs!"
SCORES = (2.1e-3, -1.28e-3, -4.1e-4, -9.8e-4, -7.0e-4, -3.6e-4, -7.5e-4)
EPSILON = -5e-5


def words_of(text: str, scores: tuple[float, ...]) -> list[WordScore]:
    found, place = [], 0
    for word, score in zip(text.split(), scores, strict=True):
        place = text.index(word, place)
        found.append(WordScore(start=place, end=place + len(word), score=score))
        place += len(word)
    return found


@pytest.mark.parametrize("word", [".", ",", "!", '"', "?", ";", ":", ",!", '!"', '"?;', "?;:"])
def test_pieces_of_the_published_punctuation_are_dropped(word: str) -> None:
    assert is_dropped(word)


@pytest.mark.parametrize("word", ["?!", "!!", "-", "…", "'", "!.", "runs!", "—"])
def test_other_punctuation_stays(word: str) -> None:
    assert not is_dropped(word)


def test_dashes_count_where_only_letters_counted_before() -> None:
    words = words_of(TEXT, SCORES)
    found = misaligned_words(TEXT, words, EPSILON)
    assert sum(word.score for word in found) == pytest.approx(-0.00448)
    letters = [w for w in found if any(c.isalnum() for c in TEXT[w.start : w.end])]
    assert sum(word.score for word in letters) == pytest.approx(-0.00371)


def test_words_are_one_phrase_where_only_dropped_ones_part_them() -> None:
    text = "red , shiny ball - old"
    words = words_of(text, (-1.0, -9.0, -2.0, 1.0, -4.0, -5.0))
    phrases = misaligned_phrases(text, words, EPSILON)
    assert [(p.spoken(text), p.score) for p in phrases] == [("red shiny", -1.5), ("- old", -4.5)]
    lowest = lowest_word(words)
    assert lowest is not None
    assert text[lowest.start : lowest.end] == ",", "The most negative word may be punctuation."
