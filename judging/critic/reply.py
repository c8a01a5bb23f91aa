"""From a judge's reply to a score with its reason, or to a failure; never to a number made up.

The number is read by `models.answers.scores`. Beyond what that refuses, a reply that says two
things is a failure here: two JSON objects with different ratings, or an object and a sentence that
disagree. A judge that quotes the answer it rates may well quote a rating in it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from alignbench.models.answers.reading import RawAnswer, read_answer
from alignbench.models.answers.scores import ScoreScale, score_in
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure

MAX_REASON: Final = 8_000
"""Most code points of a reason that is kept: of a longer one, its beginning and its end."""
_MOST_BRACES: Final = 200
"""Each may begin an object; a reply with more is no judgement, and would take long to search."""
_REASON_KEYS: Final = frozenset(
    {"reason", "reasons", "reasoning", "explanation", "rationale", "comment", "理由", "原因"}
)
_RATING_KEYS: Final = frozenset(
    {"score", "rating", "final_score", "overall_score", "评分", "得分", "分数"}
)
_DECODER: Final = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class ReadJudgement:
    """What a judge says.

    Attributes:
        score: On its scale.
        reason: Why; empty where it gives none.
    """

    score: float
    reason: str


class _Object(NamedTuple):
    """A JSON object of a reply, with its place in the text."""

    start: int
    end: int
    values: dict[str, object]


def read_judgement(raw: RawAnswer, scale: ScoreScale) -> ReadJudgement | ItemFailure:
    """Returns the score that a judge gives with its reason, or why it gives none.

    Args:
        raw: What it wrote. Cut off, it counts if the number was certainly written out.
        scale: The scale that it was given.
    """
    answer = read_answer(raw, keep_truncated=True, boxes=True)
    if isinstance(answer, ItemFailure):
        return answer
    text = answer.text
    if text.count("{") > _MOST_BRACES:
        return ItemCode.ANSWER_NO_SCORE.failure(
            f"The reply has more than {_MOST_BRACES} braces: {shorten(text, 200)!r}."
        )
    objects = [one for one in _objects(text) if _RATING_KEYS & one.values.keys()]
    readings = [score_in(text[one.start : one.end], scale) for one in objects]
    outside = _without(text, objects)
    if objects and not isinstance(beside := score_in(outside, scale), ItemFailure):
        readings.append(beside)
    score = readings[0] if readings else score_in(text, scale, is_whole=answer.is_whole)
    if isinstance(score, ItemFailure):
        return score
    if any(reading != score for reading in readings):
        return ItemCode.ANSWER_NO_SCORE.failure(
            f"The reply contradicts itself: {shorten(text, 200)!r}."
        )
    given = next(
        (
            value
            for one in objects
            for key, value in one.values.items()
            if key in _REASON_KEYS and isinstance(value, str)
        ),
        outside if objects else text,
    )
    return ReadJudgement(score, shorten(given.strip(), MAX_REASON))


def _objects(text: str) -> Iterator[_Object]:
    """Yields the JSON objects of a text that do not lie within one another."""
    at = text.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            names = {re.sub(r"[\s-]+", "_", key.strip().lower()): v for key, v in value.items()}
            yield _Object(at, end, names)
        at = text.find("{", end)


def _without(text: str, objects: list[_Object]) -> str:
    kept, at = [], 0
    for one in objects:
        kept.append(text[at : one.start])
        at = one.end
    return re.sub(r"```\w*", "", "".join([*kept, text[at:]])).strip()
