r"""The number that a judge writes, read where it is written clearly and only there.

Read in this order, each only if nothing came of the one before:

1. JSON, in a fence or not, with a key `score` or `rating`;
2. what is labelled: `Score: 85`, `**Final rating:** 8/10`, `[[8]]`, `\boxed{85}`; a label with
   "final" or "overall" in it goes before others;
3. `85 out of 100` and `85/100` in a sentence;
4. a number that is all of the answer, or its whole first or last line.

Two different numbers at one step are a contradiction. A number that is not on the scale is a
failure and is never rescaled: who writes 0.85 on a scale to 100 may mean either.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from alignbench.models.answers.json_objects import json_objects, without
from alignbench.models.answers.reading import read_answer
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure

_QUOTED: Final = 200
_LINES: Final = re.compile(r"[^\n]+")

# Possessive throughout: what belongs to a number is never given back to match without it.
_VALUE: Final = r"(?P<value>[-−+]?\d{1,4}+(?:\.\d{1,6}+)?+)"
_MARKS: Final = r"[*_`'\"“”\[\]{}()$ \t]{0,8}"
_OUT_OF: Final = (
    r"(?:[*_`'\"“” \t]{0,4}(?:/|out[ \t]+of|von|sur|de|分之)[*_` \t]{0,4}(?P<most>\d{1,4}+)"
    r"|[ \t]*(?P<percent>%|％|percent\b))?+"
)
_UNIT: Final = r"(?:[ \t]*(?:points?\b|pts?\b|分))?+"
_NOT_A_PART: Final = (
    r"(?![\d,]*\d|[.,]\d|[ \t]*/|[eE][-+]?\d|[ \t]*(?:[-–—~±]|to\b|or\b|and\b|,)[ \t]*[-−+]?\d)"
)
"""What may not follow: the rest of the number, or of a range or list of numbers."""
_NUMBER: Final = _VALUE + _OUT_OF + _UNIT + _NOT_A_PART
_WORDS: Final = (
    r"(?P<label>(?:[a-z]{2,12}[ \t]+){0,2}(?:scores?|ratings?|grade|verdict)"
    r"|(?:最终|总|综合)?(?:得分|评分|分数|打分|总分))"
)
_SCALE: Final = (
    r"(?:[*_ \t]{0,4}[(\[（][^()\[\]（）\n]{0,40}[)\]）]"
    r"|[ \t]+(?:on|out)[^:\n\d]{0,30}[\d\s–-]{1,8}(?:(?:to|out of)[ \t]*\d{1,4})?)?"
)
"""As in "Score (0-100):" and "Score on a scale of 0 to 100:"."""
_JOINT: Final = r"[*_`'\" \t]{0,6}(?:[:：=]|->|→|is\b|of\b|为|是|would be\b)+"
_LABEL: Final = re.compile(
    rf"(?<![\w-]){_WORDS}{_SCALE}{_JOINT}\s{{0,4}}{_MARKS}(?=[-−+]?\d)", re.I | re.A
)
_AT_LABEL: Final = re.compile(_NUMBER, re.I | re.A)
_BOXED: Final = re.compile(
    rf"(?:\[\[|\\boxed\{{(?:\\text\{{)?){_VALUE}(?:/(?P<most>\d{{1,4}}))?\}}?(?:\]\]|\}})", re.A
)
_OF_SCALE: Final = re.compile(
    rf"(?<![\w./-]){_VALUE}[*_` \t]{{0,4}}(?:/|out[ \t]+of)[*_` \t]{{0,4}}(?P<most>\d{{1,4}})"
    rf"(?P<percent>)(?![\w/])(?!\.\d)(?![*_` \t]+(?!because|since|as|for|due|with|on)[a-z])",
    re.I | re.A,
)
_ALONE: Final = re.compile(
    rf"{_MARKS}(?:answer[ \t]*[:：][ \t]*)?{_MARKS}{_NUMBER}{_MARKS}[.。]?{_MARKS}", re.I | re.A
)
_FENCE: Final = re.compile(r"```[\w-]*[ \t]*\n(?P<inner>.*?)```", re.S)
SCORE_KEYS: Final = frozenset(
    {"score", "rating", "final_score", "overall_score", "评分", "得分", "分数"}
)
_DECISIVE: Final = re.compile(r"final|overall|total|最终|总|综合", re.I)


@dataclass(frozen=True, slots=True)
class ScoreScale:
    """The scale that a judge was given.

    Attributes:
        lowest: Its lowest score.
        highest: Its highest.
    """

    lowest: float
    highest: float

    @property
    def is_percent(self) -> bool:
        """Whether a per cent sign stands for one step of it."""
        return (self.lowest, self.highest) == (0, 100)

    def __str__(self) -> str:
        return f"{self.lowest:g} to {self.highest:g}"


class _Found(NamedTuple):
    """A number as it was written, and what it was said to be out of."""

    value: str
    most: str | None = None
    percent: bool = False
    end: int = 0
    is_decisive: bool = False


def read_score(raw: RawAnswer, scale: ScoreScale) -> float | ItemFailure:
    """Returns the score that an answer gives, or why it gives none.

    Args:
        raw: What the judge wrote. Cut off, it counts if the number was certainly written out.
        scale: The scale that was asked for.
    """
    answer = read_answer(raw, keep_truncated=True, boxes=True)
    if isinstance(answer, ItemFailure):
        return answer
    return score_in(answer.text, scale, is_whole=answer.is_whole)


def score_in(
    text: str, scale: ScoreScale, *, is_whole: bool = True, all_agree: bool = False
) -> float | ItemFailure:
    """Returns the score in a text without thoughts and control tokens, or why there is none.

    Args:
        text: What a judge says.
        scale: The scale that was asked for.
        is_whole: Whether it came to its end. If not, a number that ends the text may be cut off.
        all_agree: Whether what stands beside JSON, and JSON outside of a fence, must not say
            another number.
    """
    found = _numbers(text, all_json=all_agree)
    if all_agree:
        found += [one for one in _beside_json(text) if _is_on(one, scale)]
    if not found:
        return _no_score(f"The answer is no number from {scale}", text)
    if not is_whole and any(one.end >= len(text.rstrip()) for one in found):
        return _no_score("The answer was cut off at its number", text)
    wrong_scale = next((one for one in found if not _is_on(one, scale)), None)
    if wrong_scale is not None:
        said = wrong_scale.value + (f"/{wrong_scale.most}" if wrong_scale.most else "")
        return ItemCode.SCORE_SCALE.failure(
            f"The score {said} is not on the scale from {scale}; it is not rescaled: "
            f"{shorten(text, _QUOTED)!r}."
        )
    values = {_value(one) for one in found}
    if len(values) > 1:
        listed = ", ".join(f"{value:g}" for value in sorted(values))
        return _no_score(f"The answer contradicts itself ({listed})", text)
    return values.pop()


def _no_score(why: str, text: str) -> ItemFailure:
    return ItemCode.ANSWER_NO_SCORE.failure(f"{why}: {shorten(text, _QUOTED)!r}.")


def _value(found: _Found) -> float:
    return float(found.value.replace("−", "-"))


def _is_on(found: _Found, scale: ScoreScale) -> bool:
    value = _value(found)
    if not scale.lowest <= value <= scale.highest:
        return False
    if found.most is not None and float(found.most) != scale.highest:
        return False
    if found.percent and not scale.is_percent:
        return False
    # 0.85, and 1.0 too, are how a share from 0 to 1 is written.
    is_share = 0 < value < 1 or (value == 1 and "." in found.value and scale.lowest < 1)
    return not (is_share and scale.highest > 1 and found.most is None and not found.percent)


def _numbers(text: str, *, all_json: bool = False) -> list[_Found]:
    """Returns the numbers of the first step that finds any."""
    for step in (partial(_in_json, everywhere=all_json), _labelled, _of_scale, _alone):
        found = list(step(text))
        if found:
            read = [one for one in found if one is not None]
            decisive = [one for one in read if one.is_decisive]
            return decisive or (read if len(read) == len(found) else [])
    return []


def _in_json(text: str, *, everywhere: bool) -> Iterator[_Found | None]:
    """Yields what stands under each key for a score; None for what is no number."""
    fenced = [] if everywhere else [match["inner"] for match in _FENCE.finditer(text)]
    for piece in fenced or [text]:
        for one in json_objects(piece):
            for key, value in one.pairs:
                if key in SCORE_KEYS:
                    whole = _ALONE.fullmatch(value) if isinstance(value, str) else None
                    yield None if whole is None else _found(whole)._replace(end=0)


def _beside_json(text: str) -> list[_Found]:
    """Returns the numbers that are said beside JSON with a score in it."""
    scored = [one for one in json_objects(text) if SCORE_KEYS & {key for key, _ in one.pairs}]
    return [one._replace(end=0) for one in _numbers(without(text, scored))] if scored else []


def _labelled(text: str) -> Iterator[_Found | None]:
    """Yields the number behind each label; None for a range or the like."""
    for label in _LABEL.finditer(text):
        number = _AT_LABEL.match(text, label.end())
        decisive = _DECISIVE.search(label["label"]) is not None
        yield None if number is None else _found(number, decisive=decisive)
    for match in _BOXED.finditer(text):
        yield _Found(match["value"], match["most"], is_decisive=True)


def _of_scale(text: str) -> Iterator[_Found]:
    return (_found(match) for match in _OF_SCALE.finditer(text))


def _alone(text: str) -> Iterator[_Found]:
    lines = [line for line in _LINES.finditer(text) if line.group().strip()]
    for line in {id(line): line for line in (*lines[:1], *lines[-1:])}.values():
        match = _ALONE.fullmatch(text, line.start(), line.end())
        if match is not None:
            yield _found(match)


def _found(match: re.Match[str], *, decisive: bool = False) -> _Found:
    percent = match["percent"] is not None and match["percent"] != ""
    return _Found(match["value"], match["most"], percent, match.end(), decisive)
