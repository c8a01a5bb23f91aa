"""Images from a text-to-image pipeline that runs in this process, by the diffusers library."""

import inspect
import io
import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import diffusers
import torch
from PIL import Image
from pydantic import Field

from alignbench.models.errors import ModelNotFoundError, PickledWeightsError
from alignbench.models.in_process.forward import halved_on_memory
from alignbench.models.in_process.placement import (
    InProcessOptions,
    Placement,
    choose_placement,
    quiet_loading,
)
from alignbench.models.in_process.weights import HubRevision, Weights, find_weights
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import GeneratedImage, ItemFailure, Options

_TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3")


class DiffusersOptions(InProcessOptions):
    """How the pipeline is run.

    Attributes:
        variant: Files of that name among the weights, such as `fp16`.
        cpu_offload: Keep on the GPU only the part that is at work: less memory, slower.
    """

    forward_batch: Annotated[int, Field(ge=1, le=4096)] = 4
    variant: str | None = None
    cpu_offload: bool = False


class DiffusersParams(Options):
    """What the pipeline is called with; what is not given is the pipeline's own default."""

    num_inference_steps: Annotated[int, Field(ge=1)] | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    height: Annotated[int, Field(ge=8)] | None = None
    width: Annotated[int, Field(ge=8)] | None = None
    max_sequence_length: Annotated[int, Field(ge=1)] | None = None
    true_cfg_scale: float | None = None
    use_resolution_binning: bool | None = None


class DiffusersImageGenerator(HubRevision):
    """A text-to-image pipeline in this process, loaded once.

    Args:
        repo: A repository on the hub, a folder, or `package:name/folder`.
        revision: A commit, or what `resolve_revision` gave.
        options: How it is run.
        params: What the pipeline is called with.

    Raises:
        PickledWeightsError: Its weights are not safetensors.
        ModelNotFoundError: It cannot be had.
        ConfigError: A parameter is not one of this pipeline's, or the device is not there.
    """

    options_type: ClassVar[type[Options]] = DiffusersOptions
    params_type: ClassVar[type[Options]] = DiffusersParams

    def __init__(self, repo: str, revision: str | None, options: Options, params: Options) -> None:
        self._options = DiffusersOptions.model_validate(options)
        sent = DiffusersParams.model_validate(params).model_dump(exclude_unset=True)
        self._sent: dict[str, Any] = {k: v for k, v in sent.items() if v is not None}
        self.forward_batch = self._options.forward_batch
        placement = choose_placement(self._options)
        self._pipeline = _load(find_weights(repo, revision), self._options, placement)
        self._check_params()
        self._lineage: dict[str, JsonValue] = {
            "diffusers": diffusers.__version__,
            "pipeline": type(self._pipeline).__name__,
            **placement.lineage(),
            "forward_batch": self.forward_batch,
        }

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[GeneratedImage | ItemFailure]:
        """Returns one image (PNG), or one failure, for each prompt, in order."""
        items = list(zip(prompts, seeds, strict=True))
        return [
            answer
            for start in range(0, len(items), self.forward_batch)
            for answer in halved_on_memory(items[start:][: self.forward_batch], self._forward)
        ]

    def _forward(self, items: Sequence[tuple[str, int]]) -> list[GeneratedImage | ItemFailure]:
        started = time.perf_counter()
        sent = dict(self._sent)
        if "negative_prompt" in sent:
            sent["negative_prompt"] = [sent["negative_prompt"]] * len(items)
        made = self._pipeline(
            prompt=[prompt for prompt, _ in items],
            # One for each image, on the processor: the same noise in any batch, on any device.
            generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in items],
            output_type="pil",
            **sent,
        )
        seconds = (time.perf_counter() - started) / len(items)
        blanked = getattr(made, "nsfw_content_detected", None) or [False] * len(items)
        return [
            self._answer(image, prompt, bool(is_blank), len(items), seconds)
            for image, (prompt, _), is_blank in zip(made.images, items, blanked, strict=True)
        ]

    def _answer(
        self, image: Image.Image, prompt: str, is_blank: bool, batch: int, seconds: float
    ) -> GeneratedImage | ItemFailure:
        if is_blank:
            return ItemCode.IMAGE_BLANKED.failure("The safety checker blanked the image.")
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        engine = {**self._lineage, "batch": batch, "prompt_is_cut": self._is_cut(prompt)}
        return GeneratedImage(buffer.getvalue(), engine, seconds)

    def _is_cut(self, prompt: str) -> bool:
        """Tells whether no text encoder sees the prompt to its end."""
        found = (getattr(self._pipeline, name, None) for name in _TOKENIZERS)
        tokenizers = [tokenizer for tokenizer in found if tokenizer is not None]
        limit = self._sent.get("max_sequence_length", 0)
        return bool(tokenizers) and all(
            len(tokenizer(prompt, truncation=False).input_ids)
            > (max(limit, tokenizer.model_max_length))
            for tokenizer in tokenizers
        )

    def _check_params(self) -> None:
        known = inspect.signature(self._pipeline.__call__).parameters
        for name in self._sent:
            if name not in known:
                raise ConfigError(
                    f"{type(self._pipeline).__name__} has no parameter {name!r}.",
                    "Remove it from that image generator's params.",
                )


def _load(weights: Weights, options: DiffusersOptions, placement: Placement) -> Any:
    quiet_loading()
    diffusers.utils.logging.disable_progress_bar()
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            weights.source,
            revision=weights.revision,
            variant=options.variant,
            dtype=placement.dtype,
            use_safetensors=True,
            trust_remote_code=options.trust_remote_code,
        )
    except OSError as error:
        if "safetensors" in str(error):
            raise PickledWeightsError(
                f"{weights.source} has no weights as safetensors; a pickle can run any code.",
                "Take a revision that has them, or convert the model.",
            ) from None
        raise ModelNotFoundError(
            f"{weights.source} cannot be loaded: {str(error).splitlines()[0]}",
            "Check the name, the network and the token in HF_TOKEN, or give a local folder.",
        ) from None
    pipeline.set_progress_bar_config(disable=True)
    if options.cpu_offload and placement.device.type == "cuda":
        pipeline.enable_model_cpu_offload(device=placement.device)
        return pipeline
    return pipeline.to(placement.device)
