"""What punctuation, case and vocabulary say about each place where a sentence could end."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from alignbench.annotation.sentences import lexicon
from alignbench.annotation.sentences.candidates import Candidate, Ending, Verdict, find_candidates
from alignbench.annotation.sentences.characters import CLOSING_BRACKETS, CLOSING_QUOTES, is_unspaced
from alignbench.annotation.sentences.full_stops import judge_full_stop
from alignbench.annotation.sentences.marks import PairedMarks
from alignbench.annotation.sentences.neighbourhood import Place, read_place

_QUOTATIVE_PARTICLES: Final = frozenset("とのがをはにでもやへって的地得字")
_CONTINUING_MARKS: Final = frozenset(",;:、，；：)]}）］】」』»›”’.!?…–—-/&+=|")
_UNFINISHED_ENDS: Final = frozenset(",;、，；-–—/&+(（")


def judge_candidates(
    prose: str, start: int, end: int, marks: PairedMarks
) -> Iterator[tuple[Candidate, Verdict]]:
    """Every candidate of the block `prose[start:end]`, in order, with the rules' verdict."""
    for candidate in find_candidates(prose, start, end):
        if marks.protects(candidate.start):
            yield candidate, Verdict.JOIN
        else:
            yield candidate, _judge(read_place(prose, start, end, candidate))


def _judge(place: Place) -> Verdict:
    if not place.following or place.following in _CONTINUING_MARKS:
        return Verdict.JOIN
    if place.after_dash and not place.following.isupper():
        return Verdict.JOIN
    if _is_enclosed(place) and _has_no_case(place.following):
        return Verdict.JOIN
    return _JUDGES[place.candidate.ending](place)


def _judge_ellipsis(place: Place) -> Verdict:
    if place.following.islower() and not (place.in_lower_case and place.candidate.crosses_line):
        return Verdict.JOIN
    if place.opens or place.candidate.crosses_line:
        return Verdict.BREAK
    if not place.word:  # "reads Dear ... Anna": the ellipsis stands for words
        return Verdict.JOIN
    return Verdict.ASK if place.following.isdigit() else Verdict.BREAK


def _judge_exclamation(place: Place) -> Verdict:
    is_enclosed = _is_enclosed(place)
    if place.following.islower():
        if is_enclosed:
            return Verdict.JOIN
        return (
            Verdict.BREAK if place.in_lower_case or place.candidate.crosses_line else Verdict.JOIN
        )
    if place.opens or place.candidate.crosses_line:
        return Verdict.BREAK
    if place.word.casefold() in lexicon.EXCLAIMING_BRANDS:
        return Verdict.JOIN
    return Verdict.ASK if is_enclosed and place.following.isupper() else Verdict.BREAK


def _judge_plain(_place: Place) -> Verdict:
    return Verdict.BREAK


def _judge_wide(place: Place) -> Verdict:
    """Judge a full stop of Chinese or Japanese, where a quotation may be a part of speech."""
    if any(closer in CLOSING_QUOTES for closer in place.candidate.closers):
        goes_on = place.following in _QUOTATIVE_PARTICLES
        return Verdict.JOIN if goes_on else Verdict.BREAK
    return Verdict.BREAK


def _judge_glued(place: Place) -> Verdict:
    if place.next_is_initial or judge_full_stop(place) is Verdict.JOIN:
        return Verdict.JOIN
    # spaCy cuts words at a glued full stop only.
    return Verdict.ASK if place.ends_in_full_stop and not place.opens else Verdict.BREAK


def _judge_line_break(place: Place) -> Verdict:
    if place.following.islower() or place.last_character in _UNFINISHED_ENDS:
        return Verdict.JOIN
    if (place.word or place.word_before).casefold() in lexicon.UNFINISHED:
        return Verdict.JOIN
    is_separate = place.opens or place.after_short_line or not place.following.isupper()
    return Verdict.BREAK if is_separate else Verdict.ASK


def _judge_emoji(place: Place) -> Verdict:
    return Verdict.BREAK if place.opens else Verdict.JOIN


def _is_enclosed(place: Place) -> bool:
    """Whether the punctuation stands inside a quotation or bracket that closes after it."""
    return any(c in CLOSING_QUOTES + CLOSING_BRACKETS for c in place.candidate.closers)


def _has_no_case(char: str) -> bool:
    """Whether it is a letter of a script that has no capitals but has spaces, as Arabic."""
    return char.isalpha() and char.lower() == char.upper() and not is_unspaced(char)


_JUDGES: Final[Mapping[Ending, Callable[[Place], Verdict]]] = {
    Ending.FULL_STOP: judge_full_stop,
    Ending.ELLIPSIS: _judge_ellipsis,
    Ending.EXCLAMATION: _judge_exclamation,
    Ending.PLAIN: _judge_plain,
    Ending.WIDE: _judge_wide,
    Ending.GLUED: _judge_glued,
    Ending.LINE_BREAK: _judge_line_break,
    Ending.EMOJI: _judge_emoji,
}
