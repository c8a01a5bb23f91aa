"""What punctuation, case and vocabulary say about each place where a sentence could end."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from alignbench.annotation.sentences import lexicon
from alignbench.annotation.sentences.candidates import Candidate, Decision, Ending, find_candidates
from alignbench.annotation.sentences.characters import CLOSING_BRACKETS, CLOSING_QUOTES, is_unspaced
from alignbench.annotation.sentences.full_stops import judge_full_stop
from alignbench.annotation.sentences.marks import PairedMarks
from alignbench.annotation.sentences.neighbourhood import Neighbourhood, read_neighbourhood

_QUOTATIVE_PARTICLES: Final = frozenset("とのがをはにでもやへって的地得字")
_CONTINUING_MARKS: Final = frozenset(",;:、，；：)]}）］】」』»›”’.!?…–—-/&+=|×÷±≈།༎")
_UNFINISHED_ENDS: Final = frozenset(",;、，；-–—/&+(（")


def judge_candidates(
    prose: str, start: int, end: int, marks: PairedMarks
) -> Iterator[tuple[Candidate, Decision]]:
    """Every candidate of the block `prose[start:end]`, in order, with the rules' decision."""
    for candidate in find_candidates(prose, start, end):
        if marks.protects(candidate.start):
            yield candidate, Decision.JOIN
        else:
            yield candidate, _judge(read_neighbourhood(prose, start, end, candidate))


def _judge(around: Neighbourhood) -> Decision:
    if not around.following or around.following in _CONTINUING_MARKS:
        return Decision.JOIN
    if around.after_dash and not around.following.isupper():
        return Decision.JOIN
    if _is_enclosed(around) and _has_no_case(around.following):
        return Decision.JOIN
    return _JUDGES[around.candidate.ending](around)


def _judge_ellipsis(around: Neighbourhood) -> Decision:
    if around.following.islower() and not (around.in_lower_case and around.candidate.crosses_line):
        return Decision.JOIN
    if around.opens or around.candidate.crosses_line:
        return Decision.BREAK
    if not around.word:  # "reads Dear ... Anna": the ellipsis stands for words
        return Decision.JOIN
    return Decision.ASK if around.following.isdigit() else Decision.BREAK


def _judge_exclamation(around: Neighbourhood) -> Decision:
    is_enclosed = _is_enclosed(around)
    if around.following.islower():
        if is_enclosed:
            return Decision.JOIN
        return (
            Decision.BREAK
            if around.in_lower_case or around.candidate.crosses_line
            else Decision.JOIN
        )
    if around.opens or around.candidate.crosses_line:
        return Decision.BREAK
    if around.word.casefold() in lexicon.EXCLAIMING_BRANDS:
        return Decision.JOIN
    return Decision.ASK if is_enclosed and around.following.isupper() else Decision.BREAK


def _judge_plain(_around: Neighbourhood) -> Decision:
    return Decision.BREAK


def _judge_wide(around: Neighbourhood) -> Decision:
    """Judge a full stop of Chinese or Japanese, where a quotation may be a part of speech."""
    if any(closer in CLOSING_QUOTES for closer in around.candidate.closers):
        goes_on = around.following in _QUOTATIVE_PARTICLES
        return Decision.JOIN if goes_on else Decision.BREAK
    return Decision.BREAK


def _judge_glued(around: Neighbourhood) -> Decision:
    if around.next_is_initial or judge_full_stop(around) is Decision.JOIN:
        return Decision.JOIN
    # spaCy cuts words at a glued full stop only.
    return Decision.ASK if around.ends_in_full_stop and not around.opens else Decision.BREAK


def _judge_line_break(around: Neighbourhood) -> Decision:
    if around.following.islower() or around.last_character in _UNFINISHED_ENDS:
        return Decision.JOIN
    if (around.word or around.word_before).casefold() in lexicon.UNFINISHED:
        return Decision.JOIN
    is_separate = around.opens or around.after_short_line or not around.following.isupper()
    return Decision.BREAK if is_separate else Decision.ASK


def _judge_emoji(around: Neighbourhood) -> Decision:
    return Decision.BREAK if around.opens else Decision.JOIN


def _is_enclosed(around: Neighbourhood) -> bool:
    """Whether the punctuation stands inside a quotation or bracket that closes after it."""
    return any(c in CLOSING_QUOTES + CLOSING_BRACKETS for c in around.candidate.closers)


def _has_no_case(char: str) -> bool:
    """Whether it is a letter of a script that has no capitals but has spaces, as Arabic."""
    return char.isalpha() and char.lower() == char.upper() and not is_unspaced(char)


_JUDGES: Final[Mapping[Ending, Callable[[Neighbourhood], Decision]]] = {
    Ending.FULL_STOP: judge_full_stop,
    Ending.ELLIPSIS: _judge_ellipsis,
    Ending.EXCLAMATION: _judge_exclamation,
    Ending.PLAIN: _judge_plain,
    Ending.WIDE: _judge_wide,
    Ending.GLUED: _judge_glued,
    Ending.LINE_BREAK: _judge_line_break,
    Ending.EMOJI: _judge_emoji,
}
