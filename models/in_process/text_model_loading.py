"""Loading a model that reads text alone: a critic, which judges, rewrites and answers blind."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MULTIMODAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
)

from alignbench.models.errors import UnsupportedModelError
from alignbench.models.in_process.complete_weights import REPORTED, LoadedTensors, check_complete
from alignbench.models.in_process.generation_settings import start_neutral
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, Placement
from alignbench.models.in_process.probes.agreement import agree, rounding
from alignbench.models.in_process.vision_language import Asking, VisionLanguageModel
from alignbench.models.in_process.weights import Weights
from alignbench.schemas.ids import JsonValue

_SHORT: Final = "Is it right?"
_LONG: Final = "Is it right that what stands here is right, and that it says what was asked?"
_OF_ALL: Final = 5
"""The largest of a whole vocabulary's differences is so many times one token's."""


def reads_text_alone(weights: Weights, options: InProcessOptions) -> bool:
    """Tells whether a model is one that continues text and takes no image.

    Raises:
        ModelNotFoundError: It cannot be had.
    """
    with loading(weights):
        config = AutoConfig.from_pretrained(
            weights.source,
            revision=weights.revision,
            trust_remote_code=options.trust_remote_code,
        )
    kind = type(config)
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING and kind not in MODEL_FOR_MULTIMODAL_LM_MAPPING


def load_text_model(
    weights: Weights,
    options: InProcessOptions,
    placement: Placement,
    *,
    inherit: Collection[str] = (),
    template_options: Mapping[str, JsonValue] | None = None,
) -> VisionLanguageModel:
    """Loads a model and its tokenizer; weights only from safetensors.

    The arguments are those of `load_vision_language`.

    Raises:
        PickledWeightsError: The repository has no safetensors.
        ModelNotFoundError: It cannot be had.
        IncompleteWeightsError: Its files lack some of its weights.
        UnsupportedModelError: It has no chat template, by which alone it can be told what to do.
        ConfigError: It has no generation setting of a name in `inherit`.
    """
    trusted: dict[str, Any] = {
        "revision": weights.revision,
        "trust_remote_code": options.trust_remote_code,
    }
    attention = {} if options.attention == "auto" else {"attn_implementation": options.attention}
    with loading(weights):
        model, report = AutoModelForCausalLM.from_pretrained(
            weights.source,
            dtype=placement.dtype,
            use_safetensors=True,
            **REPORTED,
            **attention,
            **trusted,
        )
        tokenizer = AutoTokenizer.from_pretrained(weights.source, **trusted)
    if not getattr(tokenizer, "chat_template", None):
        raise UnsupportedModelError(
            f"{weights.source} reads text alone and has no chat template, so that it cannot be "
            "told what it is to do.",
            "Save the template that it was trained with beside its tokenizer.",
        )
    # A decoder goes on from the right end, so what is missing must be missing on the left.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.to(placement.device).eval()
    loaded = VisionLanguageModel(
        model.config.model_type,
        model,
        tokenizer,
        tokenizer,
        Asking.CHAT_TEXT,
        template_options or {},
        tensors=LoadedTensors.of(report),
        sees_images=False,
    )
    check_complete(loaded.tensors, weights.source)
    return replace(loaded, settings=start_neutral(model, inherit))


def text_batches_agree(model: VisionLanguageModel) -> bool:
    """Tells whether texts of two lengths give the same first scores together as alone."""
    prompts = [model.templated([{"role": "user", "content": text}]) for text in (_SHORT, _LONG)]
    together = _first_scores(model, prompts)
    alone = torch.cat([_first_scores(model, [prompt]) for prompt in prompts])
    return agree(together, alone, rounding(alone, model.model.dtype) * _OF_ALL)


@torch.inference_mode()
def _first_scores(model: VisionLanguageModel, prompts: list[str]) -> torch.Tensor:
    inputs = model.inputs([], prompts).to(model.model.device)
    output = model.model.generate(
        **inputs,
        do_sample=False,
        max_new_tokens=1,
        output_logits=True,
        return_dict_in_generate=True,
    )
    scores: torch.Tensor = output.logits[0].float()
    return scores
