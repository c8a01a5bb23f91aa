"""Models that know the drawn scenes and err as planned, what people say of them, and judges.

A model answers a planned share of the sentences of `scenes.questions` right. What people would say
of an answer is 1 plus nine times that share, and judges err in known ways.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from alignbench.scenes.questions import truths
from alignbench.scenes.scene import Scene

_PADDING: Final = (
    "I have looked at the picture with great care, and this is what I found in it. " * 4
)
_LONG: Final = 200
"""Code points from which the biased judge takes an answer for a long one."""
_NOISE: Final = 0.8


@dataclass(frozen=True)
class Plan:
    """How a model errs.

    Attributes:
        level: The mean score that it is to have, as people would give it.
        between: How far its clusters differ, in points.
        within: How far the variants of a cluster differ, as a share of what they could.
        padded: Whether it says the same at greater length.
    """

    level: float
    between: float = 1.0
    within: float = 0.1
    padded: bool = False


class PlannedJudge(StrEnum):
    """How a judge errs."""

    STRICT = "strict"
    """Not at all: it says what people would."""
    UNBIASED = "unbiased"
    """By chance."""
    BIASED = "biased"
    """By chance, and it gives long answers three points more."""
    USELESS = "useless"
    """It does not look at the answer."""


def planned_answer(name: str, plan: Plan, scene: Scene | None, image: str, asked: str) -> str:
    """Returns what a model answers; without the image it says that nothing is there.

    Args:
        name: The model's name.
        plan: How it errs.
        scene: What the image shows; None without the image.
        image: Names the image.
        asked: What was asked; other words, other mistakes.
    """
    if scene is None:
        return " ".join("n" * 18)
    right = truths(scene).split()
    score = plan.level + plan.between * _normal(name, image)
    room = np.sqrt(max((score - 1) * (10 - score), 0))
    score += np.sqrt(plan.within) * room * _normal(name, image, asked)
    share = np.clip((score - 1) / 9, 0, 1)
    for place in range(round(len(right) * (1 - share))):
        right[place] = "n" if right[place] == "y" else "y"
    return (_PADDING if plan.padded else "") + " ".join(right)


def people_score(answer: str, reference: str) -> float:
    """Returns what people would say of an answer, in halves of a point."""
    marks = re.findall(r"\b[yn]\b", answer)
    share = np.mean([one == other for one, other in zip(marks, reference.split(), strict=True)])
    return float(round(2 * (1 + 9 * share)) / 2)


def person_rating(name: str, strictness: float, answer: str, reference: str) -> int:
    """Returns how one person rates an answer: a whole number from 1 to 10.

    Args:
        name: The person's name; the same person says the same again.
        strictness: By how many points they rate lower than most.
        answer: The answer.
        reference: The right one.
    """
    felt = people_score(answer, reference) - strictness + 0.5 * _normal(name, answer, reference)
    return int(np.clip(round(felt), 1, 10))


def planned_score(judge: PlannedJudge, answer: str, reference: str, shown: str) -> float:
    """Returns the score of a judge from 1 to 10.

    Args:
        judge: How it errs.
        answer: What it rates.
        reference: The right answer.
        shown: All that it was shown, which decides its chance.
    """
    noise = _NOISE * _normal(judge.value, shown)
    if judge is PlannedJudge.USELESS:
        score = 6 + noise
    else:
        score = people_score(answer, reference)
        if judge is not PlannedJudge.STRICT:
            score += noise
        if judge is PlannedJudge.BIASED and len(answer) > _LONG:
            score += 3.0
    return round(float(np.clip(score, 1, 10)), 2)


def _normal(*seed: str) -> float:
    digest = hashlib.sha256("\x00".join(seed).encode()).digest()
    return float(np.random.default_rng(list(digest)).normal())
