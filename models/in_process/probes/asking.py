"""How a model is to be shown an image and asked something: found by trying.

Some processors put the token that stands for an image into the text, some want it there, some
families have none; a chat template takes an image as a part of a message, or knows of text alone.
Done wrongly, some fail and some are asked without the image. So a way counts if the model takes its
input, and what it would write next is another thing for another picture.
"""

from dataclasses import dataclass
from typing import Final

import torch

from alignbench.models.errors import UnsupportedModelError
from alignbench.models.in_process.forward_pass import next_scores
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.vision_language import (
    TAKES_NO_TEXT,
    WRITES_UNASKED,
    Asking,
    VisionLanguageModel,
)

QUESTION: Final = "What does the picture show?"
# What libraries raise for an input that is not theirs; memory and interrupts are no finding.
LIBRARY_ERRORS: Final = (
    AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError,
    AssertionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskingFinding:
    """One way of asking, tried.

    Attributes:
        asking: The way.
        sees_image: Whether the model takes it, and looks at the image.
        prompt: The exact text that the processor is given; None where there is none.
        reason: Why it does not; empty if it does.
    """

    asking: Asking
    sees_image: bool
    prompt: str | None
    reason: str = ""


def tried_askings(model: VisionLanguageModel) -> list[AskingFinding]:
    """Tries the ways of asking that a model may be asked in, up to the first that works."""
    findings: list[AskingFinding] = []
    for asking in _candidates(model):
        findings.append(_tried(model.asked_by(asking)))
        if findings[-1].sees_image:
            break
    return findings


def found_asking(model: VisionLanguageModel, source: str) -> Asking:
    """Returns the way in which a model is asked.

    Raises:
        UnsupportedModelError: It takes an image in none of them.
    """
    findings = tried_askings(model)
    if findings[-1].sees_image:
        return findings[-1].asking
    reasons = "; ".join(f"{f.asking.name.lower()}: {f.reason}" for f in findings)
    raise UnsupportedModelError(
        f"{source} was not brought to look at an image in any way that is known here ({reasons}).",
        "Run it behind a server and use the backend openai, or name another model.",
    )


def _candidates(model: VisionLanguageModel) -> list[Asking]:
    if model.family in TAKES_NO_TEXT:
        return [Asking.TEXT]
    templates = (
        getattr(part, "chat_template", None) for part in (model.processor, model.tokenizer)
    )
    if any(templates):
        return [Asking.CHAT, Asking.CHAT_TEXT]
    return [Asking.TEXT, Asking.MARKED_TEXT]


def _tried(model: VisionLanguageModel) -> AskingFinding:
    asked = probe_question(model)
    prompt: str | None = None
    try:
        prompt = None if asked is None else model.prompt(asked)
        if asked and prompt and (asked not in prompt or "'type'" in prompt):
            return AskingFinding(
                model.asking, False, prompt, "The template does not hold the text."
            )
        pictures = probe_pictures()
        one, other = (next_scores(model, p, asked) for p in (pictures.wide, pictures.other))
    except torch.OutOfMemoryError:
        raise
    except LIBRARY_ERRORS as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return AskingFinding(model.asking, False, prompt, reason)
    if torch.equal(one, other):
        return AskingFinding(model.asking, False, prompt, "It writes the same for any image.")
    return AskingFinding(model.asking, True, prompt)


def probe_scores(model: VisionLanguageModel) -> list[torch.Tensor]:
    """Returns what a model gives for a picture, to see whether it is numbers."""
    return [next_scores(model, probe_pictures().wide, probe_question(model))]


def probe_question(model: VisionLanguageModel) -> str | None:
    """Returns what a model is asked about a picture when it is tried."""
    return None if not model.chat and model.family in WRITES_UNASKED else QUESTION
