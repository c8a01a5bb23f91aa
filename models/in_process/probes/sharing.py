"""Whether questions about an image may share their beginning: compared with each read by itself."""

from dataclasses import dataclass
from typing import Final

import torch

from alignbench.models.in_process.image_questions import ImageQuestions, Sharing
from alignbench.models.in_process.probes.agreement import agree, rounding
from alignbench.models.in_process.probes.asking import LIBRARY_ERRORS
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.vision_language import VisionLanguageModel

QUESTIONS: Final = (
    "Is this true of the picture? A red disc on a blue ground, and nothing else beside it.",
    "Is this true of the picture? Two cups.",
    "Is this true of the picture? Two cats.",
)
_OF_ALL: Final = 5
"""The largest of a whole vocabulary's differences is so many times one token's."""
_TOKENS: Final = 3


@dataclass(frozen=True, slots=True)
class SharingFinding:
    """What questions about an image may share.

    Attributes:
        sharing: The most that gives what separate questions give.
        reasons: Why more is not shared.
    """

    sharing: Sharing
    reasons: tuple[str, ...] = ()


def probe_sharing(model: VisionLanguageModel) -> SharingFinding:
    """Compares questions that share their beginning with the same ones read whole, one by one."""
    return model.remembered.found(
        "sharing",
        SharingFinding,
        lambda: _probed(model),
        is_good=lambda finding: finding.sharing is Sharing.ALL,
        given=model.asking.name,
    )


def _probed(model: VisionLanguageModel) -> SharingFinding:
    image = probe_pictures().small
    images = [image] * len(QUESTIONS)
    alone = ImageQuestions(model, Sharing.NONE)
    expected = torch.cat([alone.first_scores([image], [question]) for question in QUESTIONS])
    written = [alone.answers([image], [question], _TOKENS)[0] for question in QUESTIONS]
    limit = rounding(expected, model.model.dtype) * _OF_ALL
    reasons: list[str] = []
    for sharing in (Sharing.ALL, Sharing.EQUAL_LENGTHS):
        questions = ImageQuestions(model, sharing)
        try:
            found = questions.first_scores(images, QUESTIONS)
            answers = questions.answers(images, QUESTIONS, _TOKENS)
        except torch.OutOfMemoryError:
            raise
        except LIBRARY_ERRORS as error:
            said = " ".join(str(error).split())[:200]
            reasons.append(f"{sharing.name.lower()}: {type(error).__name__}: {said}")
            continue
        # Half precision may tip a tie of later tokens; the first ones' scores are what is compared.
        is_half = model.model.dtype in (torch.float16, torch.bfloat16)
        if agree(found, expected, limit) and (is_half or answers == written):
            return SharingFinding(sharing, tuple(reasons))
        reasons.append(f"{sharing.name.lower()}: other scores than those of each question alone.")
    return SharingFinding(Sharing.NONE, tuple(reasons))
