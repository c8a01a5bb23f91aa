"""The words around a candidate, read within a bounded distance."""

import re
from dataclasses import dataclass
from typing import Final

from alignbench.annotation.sentences.candidates import Candidate
from alignbench.annotation.sentences.characters import CLOSERS, SENTENCE_OPENERS
from alignbench.annotation.sentences.lexicon import OPENERS

_MAX_WORD: Final = 24
_MAX_OPENERS: Final = 8
_WRAPPED_LINE: Final = 60
"""Code points from which a line may have been broken because it was full."""
_DASHES: Final = "—–"
_MEASURE: Final = re.compile(
    r"\d{1,3}(?:[.,/]\d{1,3})?[ \u00a0]?"
    r"(?:in|inch|inches|cm|mm|oz|ounces|lb|lbs|g|min|mins|minutes|sec|secs|seconds|s)\b"
)
_BEFORE_FIRST_LETTER: Final = frozenset(SENTENCE_OPENERS + _DASHES + " ")
_WORD: Final = re.compile(r"[^\W_]+")
_WORD_BORDERS: Final = frozenset(SENTENCE_OPENERS + CLOSERS + ",;:、，；：/–—") - frozenset("'’")


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A candidate with the words and marks around it.

    Attributes:
        candidate: The candidate.
        word: The word before the punctuation, as written; empty if a mark or space stands there.
        word_before: The word before that one, with its own full stop; may be empty.
        last_character: The last character before the punctuation that is not white space.
        ends_in_full_stop: Whether the punctuation is a full stop.
        following: First character of the next sentence behind opening marks; may be empty.
        after_dash: Whether a dash stands before it, as before an answer in dialogue.
        after_short_line: Whether the line before is too short to have been wrapped.
        next_word: The word that begins there; empty if none does.
        next_is_initial: Whether that word is a single letter with a full stop.
        next_is_measure: Whether a number with a smaller unit begins there, as in “6 ft. 2 in.”
        in_lower_case: Whether the block begins with a small letter, as captions do that use no
            capital letters at all.
    """

    candidate: Candidate
    word: str
    word_before: str
    last_character: str
    ends_in_full_stop: bool
    following: str
    after_dash: bool
    after_short_line: bool
    next_word: str
    next_is_initial: bool
    next_is_measure: bool
    in_lower_case: bool

    @property
    def opens(self) -> bool:
        """Whether the next word is one that begins sentences: "The", "It", "Behind"."""
        return (
            self.following.isupper()
            and not self.next_is_initial
            and self.next_word.casefold() in OPENERS
        )


def read_neighbourhood(prose: str, start: int, end: int, candidate: Candidate) -> Neighbourhood:
    """Read what stands around a candidate of the block `prose[start:end]`."""
    word_start = _word_start(prose, start, candidate.mark)
    line_start = max(start, candidate.mark - _WRAPPED_LINE)
    last_at = _skip_spaces_back(prose, start, candidate.mark)
    before_end = _skip_spaces_back(prose, start, word_start)
    following_at = candidate.start
    last = min(end, following_at + _MAX_OPENERS)
    while following_at < last and prose[following_at] in _BEFORE_FIRST_LETTER:
        following_at += 1
    next_word = _WORD.match(prose, following_at, min(end, following_at + _MAX_WORD))
    after_next = prose[next_word.end() : next_word.end() + 1] if next_word else ""
    return Neighbourhood(
        candidate=candidate,
        word=prose[word_start : candidate.mark],
        word_before=prose[_word_start(prose, start, before_end) : before_end],
        last_character=prose[last_at - 1] if last_at > start else "",
        ends_in_full_stop=prose.startswith(".", candidate.mark),
        following=prose[following_at : min(end, following_at + 1)],
        after_dash=prose[candidate.start] in _DASHES,
        after_short_line="\n" in prose[line_start : candidate.mark] or line_start == start,
        next_word=next_word.group() if next_word else "",
        next_is_initial=next_word is not None and len(next_word.group()) == 1 and after_next == ".",
        next_is_measure=_MEASURE.match(prose, following_at, min(end, following_at + _MAX_WORD))
        is not None,
        in_lower_case=_first_letter(prose, start, end).islower(),
    )


def _word_start(prose: str, start: int, end: int) -> int:
    first = max(start, end - _MAX_WORD)
    at = end
    while at > first and not prose[at - 1].isspace() and not _is_border(prose, start, at - 1, end):
        at -= 1
    return at


def _is_border(prose: str, start: int, at: int, end: int) -> bool:
    """Whether a mark ends the word; between two letters, as in a Hebrew acronym, it does not."""
    between_letters = start < at < end - 1 and prose[at - 1].isalnum() and prose[at + 1].isalnum()
    return prose[at] in _WORD_BORDERS and not between_letters


def _skip_spaces_back(prose: str, start: int, at: int) -> int:
    first = max(start, at - _MAX_OPENERS)
    while at > first and prose[at - 1].isspace():
        at -= 1
    return at


def _first_letter(prose: str, start: int, end: int) -> str:
    head = prose[start : min(end, start + _MAX_WORD)]
    return next((char for char in head if char.isalpha()), "")
