"""What the files of an image-to-text model tell before its weights are loaded, in seconds."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoProcessor,
    AutoTokenizer,
    GenerationConfig,
)

from alignbench.doctor.check_result import CheckResult
from alignbench.doctor.model_check.subject import Subject
from alignbench.models.in_process.generation_settings import GenerationSettings, start_neutral
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.positions import positions
from alignbench.models.in_process.vision_language import TAKES_NO_TEXT, Asking, VisionLanguageModel
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.errors import ConfigError

SENTENCE = "A red disc lies on a blue ground."
"""What a detector's prompt is tried with."""


def question(subject: Subject) -> str | None:
    """Returns what a model is asked about a picture, a sentence in its place."""
    return None if subject.asked is None else subject.asked.replace("{sentence}", SENTENCE)


def read(subject: Subject) -> Iterator[CheckResult]:
    """Yields what the files tell; a mistake in one ends the check."""
    weights = find_weights(subject.repo, subject.revision)
    trusted = {
        "revision": weights.revision,
        "trust_remote_code": getattr(subject.options, "trust_remote_code", False),
    }
    with loading(weights):
        config = AutoConfig.from_pretrained(weights.source, **trusted)
        processor, tokenizer = _processors(config.model_type, weights.source, trusted)
    yield CheckResult("files", "ok", f"a model of family {config.model_type}, in safetensors")
    template_options = getattr(subject.params, "chat_template_kwargs", {})
    holder = torch.nn.Module()  # what stands for the model where its configuration is all it takes
    holder.config = config
    model = VisionLanguageModel(
        config.model_type, holder, processor, tokenizer, Asking.TEXT, template_options
    )
    yield prompt_line(_likeliest_asking(model), subject)
    holder.generation_config = _generation_config(weights.source, trusted)
    yield settings_line(start_neutral(holder, getattr(subject.params, "inherit", ())))
    length = length_line(subject, positions(holder))
    if length is not None:
        yield length


def prompt_line(model: VisionLanguageModel, subject: Subject) -> CheckResult:
    """Returns the exact text that the model's processor is given."""
    asked = question(subject)
    if asked is None and (model.family in TAKES_NO_TEXT or model.writes_unasked):
        return CheckResult("prompt", "ok", "nothing is said to it; it captions pictures unasked")
    try:
        prompt = model.prompt(asked)
    except ConfigError as error:
        return CheckResult("prompt", "missing", error.what, error.fix)
    if asked is not None and asked not in prompt:
        return CheckResult(
            "prompt", "missing", f"its chat template loses what it is asked: {prompt!r}",
            "Mend chat_template.jinja in its folder, or take another revision.",
        )  # fmt: skip
    if model.opens_thought():
        return CheckResult(
            "prompt", "note", f"{prompt!r} ends in an open thought",
            "Allow for the thought in max_new_tokens, or close it where the model can: "
            "params = { chat_template_kwargs = { enable_thinking = false } }.",
        )  # fmt: skip
    return CheckResult("prompt", "ok", repr(prompt))


def settings_line(settings: GenerationSettings) -> CheckResult:
    """Returns which generation settings the model came with, and what becomes of them."""
    if settings.set_aside:
        named = ", ".join(f"{name}={value}" for name, value in settings.set_aside.items())
        first = next(iter(settings.set_aside))
        return CheckResult(
            "generation settings", "note", f"set aside, though the model came with them: {named}",
            f'To obey one, name it: params = {{ inherit = ["{first}"] }}.',
        )  # fmt: skip
    kept = ", ".join(settings.inherited) or "none"
    return CheckResult("generation settings", "ok", f"inherited: {kept}")


def length_line(subject: Subject, places: int | None, taken: int = 0) -> CheckResult | None:
    """Returns whether what may be written fits into the model's places, where it counts them."""
    wanted: int | None = getattr(subject.params, "max_new_tokens", None)
    if places is None or wanted is None:
        return None
    room = places - taken
    if wanted <= room:
        return CheckResult("length", "ok", f"{wanted:,} new tokens in {room:,} places")
    return CheckResult(
        "length", "note", f"{wanted:,} new tokens are asked for, and there is room for {room:,}",
        f"Set max_new_tokens to {max(room, 1):,} or less; no more are written.",
    )  # fmt: skip


def _processors(family: str, source: str, trusted: Mapping[str, Any]) -> tuple[Any, Any]:
    if family in TAKES_NO_TEXT:
        images = AutoImageProcessor.from_pretrained(source, **trusted)
        return images, AutoTokenizer.from_pretrained(source, **trusted)
    processor = AutoProcessor.from_pretrained(source, **trusted)
    return processor, getattr(processor, "tokenizer", processor)


def _likeliest_asking(model: VisionLanguageModel) -> VisionLanguageModel:
    """Returns the model asked as its files suggest; only trying tells."""
    if getattr(model.processor, "chat_template", None):
        return model.asked_by(Asking.CHAT)
    if getattr(model.tokenizer, "chat_template", None):
        return model.asked_by(Asking.CHAT_TEXT)
    return model


def _generation_config(source: str, trusted: Mapping[str, Any]) -> GenerationConfig:
    try:
        return GenerationConfig.from_pretrained(source, revision=trusted["revision"])
    except OSError:  # a model may come without one
        return GenerationConfig()
