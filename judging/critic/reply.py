"""From a judge's reply to a score with its reason, or to a failure; never to a number made up.

The number is read by `models.answers.scores`, and all numbers of a reply must agree: a judge that
quotes the answer it rates may well quote a rating in it.
"""

from dataclasses import dataclass
from typing import Final

from alignbench.models.answers.json_objects import JsonObject, json_objects, without
from alignbench.models.answers.reading import read_answer
from alignbench.models.answers.scores import SCORE_KEYS, ScoreScale, score_in
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure

MAX_REASON: Final = 8_000
"""Most code points of a reason that is kept: of a longer one, its beginning and its end."""
_MOST_BRACES: Final = 200
"""Each may begin an object; a reply with more is no judgement, and would take long to search."""
_REASON_KEYS: Final = frozenset(
    {"reason", "reasons", "reasoning", "explanation", "rationale", "comment", "理由", "原因"}
)


@dataclass(frozen=True, slots=True)
class ReadJudgement:
    """What a judge says.

    Attributes:
        score: On its scale.
        reason: Why; empty where it gives none.
    """

    score: float
    reason: str


def read_judgement(raw: RawAnswer, scale: ScoreScale) -> ReadJudgement | ItemFailure:
    """Returns the score that a judge gives with its reason, or why it gives none.

    Args:
        raw: What it wrote. Cut off, it counts if the number was certainly written out.
        scale: The scale that it was given.
    """
    answer = read_answer(raw, keep_truncated=True, boxes=True)
    if isinstance(answer, ItemFailure):
        return answer
    if answer.text.count("{") > _MOST_BRACES:
        return ItemCode.ANSWER_NO_SCORE.failure(
            f"The reply has more than {_MOST_BRACES} braces: {shorten(answer.text, 200)!r}."
        )
    score = score_in(answer.text, scale, is_whole=answer.is_whole, all_agree=True)
    if isinstance(score, ItemFailure):
        return score
    return ReadJudgement(score, shorten(_reason(answer.text).strip(), MAX_REASON))


def _reason(text: str) -> str:
    """Returns the reason under its key, or else what is said beside the rating."""
    objects = [one for one in json_objects(text) if SCORE_KEYS & {key for key, _ in one.pairs}]
    named = (reason for one in objects if (reason := _named_reason(one)) is not None)
    return next(named, without(text, objects))


def _named_reason(found: JsonObject) -> str | None:
    return next(
        (value for key, value in found.pairs if key in _REASON_KEYS and isinstance(value, str)),
        None,
    )
