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
from alignbench.models.in_process.vision_language import TAKES_NO_TEXT, Asking, VisionLanguageModel

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
        prompt: The exact text that the processor is given; None where there is none.
        sees_image: Whether what the model would write next depends on the image.
        has_image_token: Whether the token that stands for an image came into the input.
        reason: Why it does not work; empty if it does.
    """

    asking: Asking
    prompt: str | None = None
    sees_image: bool = False
    has_image_token: bool = False
    reason: str = ""

    @property
    def works(self) -> bool:
        """Whether the model takes the image in this way."""
        return self.sees_image or self.has_image_token


def tried_askings(model: VisionLanguageModel) -> list[AskingFinding]:
    """Tries the ways of asking that a model may be asked in, up to the first that works."""
    findings: list[AskingFinding] = []
    for asking in _candidates(model):
        findings.append(_tried(model.asked_by(asking)))
        if findings[-1].works:
            break
    return findings


def found_asking(model: VisionLanguageModel, source: str) -> Asking:
    """Returns the way in which a model is asked.

    Raises:
        UnsupportedModelError: It takes an image in none of them.
    """
    return model.remembered.found(
        "asking", Asking, lambda: _found_asking(model, source), is_good=lambda _: True
    )


def _found_asking(model: VisionLanguageModel, source: str) -> Asking:
    findings = tried_askings(model)
    if findings[-1].works:
        return findings[-1].asking
    reasons = "; ".join(f"{f.asking.name.lower()}: {f.reason}" for f in findings)
    raise UnsupportedModelError(
        f"{source} was not brought to look at an image in any way that is known here ({reasons}).",
        "Run it behind a server and use the backend openai, or name another model.",
    )


def _candidates(model: VisionLanguageModel) -> list[Asking]:
    if model.family in TAKES_NO_TEXT:
        return [Asking.TEXT]
    parts = (model.processor, model.tokenizer)
    if any(getattr(part, "chat_template", None) for part in parts):
        return [Asking.CHAT, Asking.CHAT_TEXT]
    return [Asking.TEXT, Asking.MARKED_TEXT]


def _tried(model: VisionLanguageModel) -> AskingFinding:
    asked = probe_question(model)
    prompt: str | None = None
    pictures = probe_pictures()
    try:
        prompt = None if asked is None else model.prompt(asked)
        if asked and prompt and (asked not in prompt or "'type'" in prompt):
            reason = "The template does not hold the text."
            return AskingFinding(model.asking, prompt, reason=reason)
        has_token = _has_image_token(model, asked)
        one, other = (next_scores(model, p, asked) for p in (pictures.small, pictures.other))
    except torch.OutOfMemoryError:
        raise
    except LIBRARY_ERRORS as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return AskingFinding(model.asking, prompt, reason=reason)
    if torch.equal(one, other):
        reason = "It writes the same for any image."
        return AskingFinding(model.asking, prompt, False, has_token, reason)
    return AskingFinding(model.asking, prompt, True, has_token)


def _has_image_token(model: VisionLanguageModel, asked: str | None) -> bool:
    ids = model.prepare([probe_pictures().small], asked).get("input_ids")
    token = model.image_token_id
    return ids is not None and token is not None and bool((ids == token).any())


def probe_scores(model: VisionLanguageModel) -> list[torch.Tensor]:
    """Returns what a model gives for a picture, to see whether it is numbers."""
    return [next_scores(model, probe_pictures().small, probe_question(model))]


def probe_question(model: VisionLanguageModel) -> str | None:
    """Returns what a model is asked about a picture when it is tried."""
    return None if model.writes_unasked else QUESTION
