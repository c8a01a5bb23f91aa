"""Whether a full stop ends a sentence or an abbreviation."""

import re
from typing import Final

from alignbench.annotation.sentences import lexicon
from alignbench.annotation.sentences.candidates import Verdict
from alignbench.annotation.sentences.characters import CLOSING_BRACKETS, CLOSING_QUOTES
from alignbench.annotation.sentences.neighbourhood import Place

_DOTTED: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]$")
_WITHOUT_VOWELS: Final = re.compile(r"[B-DF-HJ-NP-TV-XZ][b-df-hj-np-tv-xz]{1,4}$")
_STREETS_TOO: Final = frozenset({"st", "dr", "ft"})
_LONGEST_ORDINAL: Final = 2
_LONGEST_UNKNOWN_ABBREVIATION: Final = 4


def judge_full_stop(place: Place) -> Verdict:
    """Judge a single full stop followed by white space."""
    key = place.word.casefold()
    closers = place.candidate.closers
    if place.following.islower() and any(c in CLOSING_QUOTES + CLOSING_BRACKETS for c in closers):
        return Verdict.JOIN
    if key in lexicon.UNITS and place.word_before[-1:].isdigit():
        return Verdict.JOIN if place.following.islower() else Verdict.BREAK
    if key in lexicon.CAPITALISED_ONLY and not place.word[0].isupper():
        return _judge_ordinary(place)
    if key in lexicon.NEVER_FINAL:
        return Verdict.JOIN
    if key in lexicon.TITLES:
        return _judge_title(place, key)
    if key in lexicon.BEFORE_NUMBERS and place.following.isdigit():
        return Verdict.JOIN
    if key in lexicon.CALENDAR and place.following.isdigit():
        return Verdict.JOIN
    if len(key) == 1 and key.isalpha():
        return _judge_initial(place)
    if key in lexicon.MAYBE_FINAL | lexicon.CALENDAR | lexicon.BEFORE_NUMBERS or _DOTTED.match(key):
        return _judge_ambiguous(place)
    if _WITHOUT_VOWELS.match(place.word):
        return _judge_ambiguous(place)
    if key.isdigit() and len(key) <= _LONGEST_ORDINAL:
        return _judge_number(place)
    return _judge_ordinary(place)


def _judge_title(place: Place, key: str) -> Verdict:
    if place.opens:
        return Verdict.BREAK
    is_street = key in _STREETS_TOO and place.word_before[:1].isupper()
    return Verdict.ASK if is_street and not place.following.islower() else Verdict.JOIN


def _judge_initial(place: Place) -> Verdict:
    if place.next_is_initial:
        return Verdict.JOIN
    if place.opens:
        return Verdict.BREAK
    follows_initial = place.word_before.endswith(".") and len(place.word_before) <= len("A.")
    # The model knows English names only.
    if follows_initial or not place.word.isascii() or place.following.islower():
        return Verdict.ASK if place.in_lower_case else Verdict.JOIN
    return Verdict.ASK


def _judge_ambiguous(place: Place) -> Verdict:
    if place.following.islower():
        return Verdict.JOIN
    if place.opens or place.candidate.crosses_line:
        return Verdict.BREAK
    return Verdict.ASK


def _judge_number(place: Place) -> Verdict:
    if place.next_word.casefold() in lexicon.ORDINAL_NOUNS:
        return Verdict.JOIN
    return _judge_ordinary(place)


def _judge_ordinary(place: Place) -> Verdict:
    """Judge a full stop after a word that is no abbreviation we know."""
    if not place.following.islower() or place.in_lower_case or place.candidate.crosses_line:
        return Verdict.BREAK
    # iPhone, eBay
    if place.next_word[1:2].isupper():
        return Verdict.BREAK
    return Verdict.ASK if len(place.word) <= _LONGEST_UNKNOWN_ABBREVIATION else Verdict.BREAK
