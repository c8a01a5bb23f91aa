"""Loading an image-to-text model: whole weights, neutral settings, and how it is to be asked."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import transformers
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForMultimodalLM,
    AutoProcessor,
    AutoTokenizer,
    VisionEncoderDecoderModel,
)

from alignbench.models.errors import UnsupportedModelError
from alignbench.models.in_process.complete_weights import (
    REPORTED,
    LoadedTensors,
    check_complete,
    without_idle,
)
from alignbench.models.in_process.generation_settings import start_neutral
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, Placement
from alignbench.models.in_process.probes.asking import found_asking, probe_scores
from alignbench.models.in_process.remembered_findings import RememberedFindings
from alignbench.models.in_process.vision_language import Asking, VisionLanguageModel
from alignbench.models.in_process.weights import Weights
from alignbench.schemas.ids import JsonValue

_PAIR = "vision-encoder-decoder"
"""Two models of other kinds, put together; there is no processor of both."""
_THINKERS: Final = {
    "qwen2_5_omni": "Qwen2_5OmniThinkerForConditionalGeneration",
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerForConditionalGeneration",
}
"""Of models that speak as well, the part that writes; it is found in the files of the whole."""


def load_vision_language(
    weights: Weights,
    options: InProcessOptions,
    placement: Placement,
    *,
    inherit: Collection[str] = (),
    template_options: Mapping[str, JsonValue] | None = None,
    tries_again: bool = False,
) -> VisionLanguageModel:
    """Loads a model, its processor and its tokenizer; weights only from safetensors.

    Args:
        weights: Where they are.
        options: How it is run.
        placement: Where it is run.
        inherit: Generation settings of its own that are obeyed.
        template_options: What its chat template is given beside the messages.
        tries_again: Whether it is tried even if it was at an earlier start.

    Raises:
        PickledWeightsError: The repository has no safetensors.
        ModelNotFoundError: It cannot be had.
        MissingExtraError: Its processor needs a package that is not installed.
        IncompleteWeightsError: Its files lack some of its weights.
        UnsupportedModelError: It is of another kind, or was not brought to look at an image.
        ConfigError: It has no generation setting of a name in `inherit`.
    """
    templated = dict(template_options or {})
    remembered = RememberedFindings.of(
        weights, options, placement, sorted(inherit), templated, tries_again=tries_again
    )
    model = replace(_from_files(weights, options, placement, templated), remembered=remembered)
    model = replace(model, settings=start_neutral(model.model, inherit))
    if model.tensors.mismatched:
        check_complete(model.tensors, weights.source)
    try:
        model = model.asked_by(found_asking(model, weights.source))
    except UnsupportedModelError:
        check_complete(model.tensors, weights.source)  # the likelier reason
        raise
    if model.tensors.missing:
        tensors = without_idle(model.model, model.tensors, lambda: probe_scores(model))
        check_complete(tensors, weights.source)
        model = replace(model, tensors=tensors)
    return model


def _model_class(family: str) -> Any:
    """Returns the class that loads a family's model."""
    if family == _PAIR:
        return VisionEncoderDecoderModel
    if family in _THINKERS:
        return getattr(transformers, _THINKERS[family])
    # It knows all that AutoModelForImageTextToText knows, and Phi-4-multimodal too.
    return AutoModelForMultimodalLM


def _from_files(
    weights: Weights,
    options: InProcessOptions,
    placement: Placement,
    template_options: Mapping[str, JsonValue],
) -> VisionLanguageModel:
    trusted: dict[str, Any] = {
        "revision": weights.revision,
        "trust_remote_code": options.trust_remote_code,
    }
    attention = {} if options.attention == "auto" else {"attn_implementation": options.attention}
    with loading(weights):
        config = AutoConfig.from_pretrained(weights.source, **trusted)
        is_pair = config.model_type == _PAIR
        model, report = _model_class(config.model_type).from_pretrained(
            weights.source,
            dtype=placement.dtype,
            use_safetensors=True,
            **REPORTED,
            **attention,
            **trusted,
        )
        if is_pair:
            processor = AutoImageProcessor.from_pretrained(weights.source, **trusted)
            tokenizer = AutoTokenizer.from_pretrained(weights.source, **trusted)
        else:
            processor = AutoProcessor.from_pretrained(weights.source, **trusted)
            tokenizer = getattr(processor, "tokenizer", processor)
    # A decoder goes on from the right end, so what is missing must be missing on the left.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.to(placement.device).eval()
    return VisionLanguageModel(
        model.config.model_type,
        model,
        processor,
        tokenizer,
        Asking.TEXT,
        template_options,
        tensors=LoadedTensors.of(report),
    )
