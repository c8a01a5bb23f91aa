"""Whether a full stop ends a sentence or an abbreviation."""

import re
from typing import Final

from alignbench.annotation.sentences import lexicon
from alignbench.annotation.sentences.candidates import Decision
from alignbench.annotation.sentences.characters import CLOSING_BRACKETS, CLOSING_QUOTES
from alignbench.annotation.sentences.neighbourhood import Neighbourhood

_DOTTED: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]$")
_WITHOUT_VOWELS: Final = re.compile(r"[B-DF-HJ-NP-TV-XZ][b-df-hj-np-tv-xz]{1,4}$")
_STREETS_TOO: Final = frozenset({"st", "dr", "ft"})
_LONGEST_ORDINAL: Final = 2
_LONGEST_UNKNOWN_ABBREVIATION: Final = 4


def judge_full_stop(around: Neighbourhood) -> Decision:
    """Judge a single full stop followed by white space."""
    key = around.word.casefold()
    closers = around.candidate.closers
    if around.following.islower() and any(c in CLOSING_QUOTES + CLOSING_BRACKETS for c in closers):
        return Decision.JOIN
    if key in lexicon.UNITS and around.word_before[-1:].isdigit():
        goes_on = around.following.islower() or around.next_is_measure
        return Decision.JOIN if goes_on else Decision.BREAK
    if key in lexicon.CAPITALISED_ONLY and not around.word[0].isupper():
        return _judge_ordinary(around)
    if key in lexicon.NEVER_FINAL:
        return Decision.JOIN
    if key in lexicon.TITLES:
        return _judge_title(around, key)
    if key in lexicon.BEFORE_NUMBERS and around.following.isdigit():
        return Decision.JOIN
    if key in lexicon.CALENDAR and around.following.isdigit():
        return Decision.JOIN
    if len(key) == 1 and key.isalpha():
        return _judge_initial(around)
    if key in lexicon.MAYBE_FINAL | lexicon.CALENDAR | lexicon.BEFORE_NUMBERS or _DOTTED.match(key):
        return _judge_ambiguous(around)
    if _WITHOUT_VOWELS.match(around.word):
        return _judge_ambiguous(around)
    if key.isdigit() and len(key) <= _LONGEST_ORDINAL:
        return _judge_number(around)
    return _judge_ordinary(around)


def _judge_title(around: Neighbourhood, key: str) -> Decision:
    if around.opens:
        return Decision.BREAK
    is_street = key in _STREETS_TOO and around.word_before[:1].isupper()
    return Decision.ASK if is_street and not around.following.islower() else Decision.JOIN


def _judge_initial(around: Neighbourhood) -> Decision:
    if around.next_is_initial:
        return Decision.JOIN
    if around.opens:
        return Decision.BREAK
    follows_initial = around.word_before.endswith(".") and len(around.word_before) <= len("A.")
    # The model knows English names only.
    if follows_initial or not around.word.isascii() or around.following.islower():
        return Decision.ASK if around.in_lower_case else Decision.JOIN
    return Decision.ASK


def _judge_ambiguous(around: Neighbourhood) -> Decision:
    if around.following.islower():
        return Decision.JOIN
    if around.opens or around.candidate.crosses_line:
        return Decision.BREAK
    return Decision.ASK


def _judge_number(around: Neighbourhood) -> Decision:
    if around.next_word.casefold() in lexicon.ORDINAL_NOUNS:
        return Decision.JOIN
    return _judge_ordinary(around)


def _judge_ordinary(around: Neighbourhood) -> Decision:
    """Judge a full stop after a word that is no abbreviation we know."""
    if not around.following.islower() or around.in_lower_case or around.candidate.crosses_line:
        return Decision.BREAK
    # iPhone, eBay
    if around.next_word[1:2].isupper():
        return Decision.BREAK
    return Decision.ASK if len(around.word) <= _LONGEST_UNKNOWN_ABBREVIATION else Decision.BREAK
