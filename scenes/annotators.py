"""Simulated annotators: people with known faults, who know the truth and report it imperfectly.

They stand in for people in the demo and in tests of aggregation. A profile says how often somebody
errs in each way; an answer follows from profile and seed alone.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType, Verdict

# A word keeps punctuation that stands inside it: 2.5, cat's, np.zeros_like.
_WORD = re.compile(r"\w+(?:[^\w\s]+\w+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorProfile:
    """How one annotator errs; every number is a probability.

    Attributes:
        name: Part of the seed: two profiles answer independently of each other.
        misses_error: Does not notice a wrong span, for each of them.
        false_alarm: Calls a correct sentence incorrect, and marks something in it.
        says_unknown: Says unknown of a sentence that can be decided.
        decides_undecidable: Says correct where the image cannot tell.
        wrong_type: Gives a span a type that is not its own.
        loosens_span: Marks the word before or after a span along with it.
        omits_spans: Says incorrect and marks nothing.
        guesses: Gives an answer without looking, each verdict as likely as the others.
    """

    name: str
    misses_error: float
    false_alarm: float
    says_unknown: float
    decides_undecidable: float
    wrong_type: float
    loosens_span: float
    omits_spans: float = 0.0
    guesses: float = 0.0


CAREFUL = AnnotatorProfile(
    name="careful",
    misses_error=0.05,
    false_alarm=0.02,
    says_unknown=0.01,
    decides_undecidable=0.10,
    wrong_type=0.05,
    loosens_span=0.10,
)
HASTY = AnnotatorProfile(
    name="hasty",
    misses_error=0.25,
    false_alarm=0.06,
    says_unknown=0.03,
    decides_undecidable=0.40,
    wrong_type=0.15,
    loosens_span=0.20,
    omits_spans=0.05,
)
LOOSE = AnnotatorProfile(
    name="loose",
    misses_error=0.10,
    false_alarm=0.04,
    says_unknown=0.03,
    decides_undecidable=0.20,
    wrong_type=0.10,
    loosens_span=0.75,
)
LENIENT = AnnotatorProfile(
    name="lenient",
    misses_error=0.80,
    false_alarm=0.0,
    says_unknown=0.0,
    decides_undecidable=0.95,
    wrong_type=0.10,
    loosens_span=0.10,
)
SPAMMER = AnnotatorProfile(
    name="spammer",
    misses_error=0.0,
    false_alarm=0.0,
    says_unknown=0.0,
    decides_undecidable=0.0,
    wrong_type=0.0,
    loosens_span=0.0,
    guesses=1.0,
)


class Answer(NamedTuple):
    """What an annotator submits: a verdict, and disjoint spans in order if it is incorrect."""

    verdict: Verdict
    spans: tuple[Span, ...]


def simulate_answer(
    truth: SentenceTruth, sentence: str, profile: AnnotatorProfile, seed: str
) -> Answer:
    """Gives the answer of one annotator to one sentence.

    Spans never cut a word. An incorrect answer has at least one, unless the profile omits them.

    Args:
        truth: The right answer; its spans lie in `sentence`.
        sentence: The text that the annotator is shown.
        profile: How the annotator errs.
        seed: Names the annotator and the sentence, so that no two answers share their chance.

    Raises:
        ValueError: If the sentence is blank: there is nothing to judge in it.
    """
    words = _words(sentence)
    rng = _rng(profile, seed)
    verdict, noticed = _judged(truth, profile, rng)
    if verdict is not Verdict.INCORRECT or rng.random() < profile.omits_spans:
        return Answer(verdict, ())
    if not noticed:
        return Answer(verdict, (_invented(sentence, words, rng),))
    return Answer(verdict, _marked(noticed, sentence, words, profile, rng))


class _Range(NamedTuple):
    start: int
    end: int


def _rng(profile: AnnotatorProfile, seed: str) -> Random:
    digest = hashlib.sha256(f"{profile.name}\n{seed}".encode()).digest()
    return Random(int.from_bytes(digest, "big"))  # noqa: S311 (simulation, not cryptography)


def _words(sentence: str) -> list[_Range]:
    words = [_Range(*match.span()) for match in _WORD.finditer(sentence)]
    if not words:
        words = [_Range(*match.span()) for match in re.finditer(r"\S+", sentence)]
    if not words:
        raise ValueError("A blank sentence cannot be judged.")
    return words


def _judged(
    truth: SentenceTruth, profile: AnnotatorProfile, rng: Random
) -> tuple[Verdict, list[Span]]:
    """Gives the verdict and the true spans that the annotator noticed."""
    if rng.random() < profile.guesses:
        return rng.choice(list(Verdict)), []
    if truth.verdict is Verdict.UNKNOWN:
        decides = rng.random() < profile.decides_undecidable
        return (Verdict.CORRECT if decides else Verdict.UNKNOWN), []
    if rng.random() < profile.says_unknown:
        return Verdict.UNKNOWN, []
    if truth.verdict is Verdict.CORRECT:
        alarmed = rng.random() < profile.false_alarm
        return (Verdict.INCORRECT if alarmed else Verdict.CORRECT), []
    noticed = [span for span in truth.spans if rng.random() >= profile.misses_error]
    return (Verdict.INCORRECT if noticed else Verdict.CORRECT), noticed


def _marked(
    noticed: Sequence[Span],
    sentence: str,
    words: Sequence[_Range],
    profile: AnnotatorProfile,
    rng: Random,
) -> tuple[Span, ...]:
    """Marks what was noticed, from left to right, each span clear of the one before and after."""
    marked: list[Span] = []
    for place, true_span in enumerate(noticed):
        floor = marked[-1].end if marked else 0
        ceiling = noticed[place + 1].start if place + 1 < len(noticed) else len(sentence)
        part = _whole_words(true_span, words)
        if part.start < floor:  # it shares a word with the span before, which already covers it
            continue
        if rng.random() < profile.loosens_span:
            part = _loosened(part, words, _Range(floor, ceiling), rng)
        error_type = true_span.type
        if rng.random() < profile.wrong_type:
            error_type = rng.choice([other for other in HallucinationType if other != error_type])
        marked.append(_span(sentence, part, error_type))
    return tuple(marked)


def _whole_words(span: Span, words: Sequence[_Range]) -> _Range:
    touched = [word for word in words if word.start < span.end and span.start < word.end]
    return _Range(
        min([span.start, *(word.start for word in touched)]),
        max([span.end, *(word.end for word in touched)]),
    )


def _loosened(part: _Range, words: Sequence[_Range], room: _Range, rng: Random) -> _Range:
    """Takes in a neighbouring word that lies within `room`; without one, changes nothing."""
    before = [word for word in words if room.start <= word.start and word.end <= part.start][-1:]
    after = [word for word in words if part.end <= word.start and word.end <= room.end][:1]
    if not before and not after:
        return part
    word = rng.choice(before + after)
    return _Range(min(part.start, word.start), max(part.end, word.end))


def _invented(sentence: str, words: Sequence[_Range], rng: Random) -> Span:
    return _span(sentence, rng.choice(words), rng.choice(list(HallucinationType)))


def _span(sentence: str, part: _Range, error_type: HallucinationType) -> Span:
    start, end = part
    return Span(start=start, end=end, type=error_type, text=sentence[start:end])
