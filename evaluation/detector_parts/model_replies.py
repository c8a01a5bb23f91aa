"""What a judge's answer is worth as a detector's score: a number from 0 to 100, or a failure."""

from typing import Final

from alignbench.models.answers.scores import ScoreScale, read_score
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

SCALE: Final = ScoreScale(0, 100)
"""The scale that the prompts of this package ask for."""

ASKED_AGAIN: Final = frozenset({ItemCode.ANSWER_NO_SCORE, ItemCode.SCORE_SCALE})
"""What may go better when the model is reminded of what it is to write."""


def scored_answer(answer: RawAnswer) -> SentenceScore | ItemFailure:
    """Returns the score that an answer gives, or why it gives none."""
    score = read_score(answer, SCALE)
    return score if isinstance(score, ItemFailure) else SentenceScore(score)
