"""Images from a text-to-image pipeline that runs in this process, by the diffusers library."""

import inspect
import io
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Annotated, Any, NamedTuple

from PIL import Image
from pydantic import Field

from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.packages import check_installed
from alignbench.models.in_process.placement import InProcessOptions, Placement, choose_placement
from alignbench.models.in_process.weights import HubRevision, Weights, find_weights
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import StreamingImageGeneratorBase
from alignbench.schemas.protocols import GeneratedImage, ImageRequest, ItemFailure, Options

check_installed("torch", "diffusers")

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


class DiffusersImageGenerator(
    HubRevision, StreamingImageGeneratorBase[DiffusersOptions, DiffusersParams]
):
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

    def load(self) -> None:
        """Loads the pipeline."""
        import diffusers

        sent = self.params.model_dump(exclude_unset=True)
        self._sent: dict[str, Any] = {k: v for k, v in sent.items() if v is not None}
        self.forward_batch = self.options.forward_batch
        placement = choose_placement(self.options)
        self._pipeline = _load(find_weights(self.repo, self.revision), self.options, placement)
        self._check_params()
        self._lineage: dict[str, JsonValue] = {
            "diffusers": diffusers.__version__,
            "pipeline": type(self._pipeline).__name__,
            **placement.lineage(),
            "forward_batch": self.forward_batch,
        }

    def generate_stream(
        self, requests: Iterator[ImageRequest]
    ) -> Iterator[tuple[int, GeneratedImage | ItemFailure]]:
        """Yields images (PNG) in order; each batch is encoded while the next one is made."""
        from alignbench.models.in_process.forward import finished_behind

        size = self.forward_batch
        with closing(finished_behind(requests, size, self._made, _encoded)) as batches:
            yield from enumerate(chain.from_iterable(batches))

    def _made(self, batch: Sequence[ImageRequest]) -> list["_Made | ItemFailure"]:
        from alignbench.models.in_process.forward import halved_on_memory

        return halved_on_memory(batch, self._forward)

    def _forward(self, batch: Sequence[ImageRequest]) -> list["_Made | ItemFailure"]:
        import torch

        started = time.perf_counter()
        sent = dict(self._sent)
        if "negative_prompt" in sent:
            sent["negative_prompt"] = [sent["negative_prompt"]] * len(batch)
        made = self._pipeline(
            prompt=[request.prompt for request in batch],
            # One for each image, on the processor: the same noise in any batch, on any device.
            generator=[torch.Generator("cpu").manual_seed(request.seed) for request in batch],
            output_type="pil",
            **sent,
        )
        seconds = (time.perf_counter() - started) / len(batch)
        blanked = getattr(made, "nsfw_content_detected", None) or [False] * len(batch)
        return [
            ItemCode.IMAGE_BLANKED.failure("The safety checker blanked the image.")
            if is_blank
            else _Made(image, self._engine(request.prompt, len(batch)), seconds)
            for image, request, is_blank in zip(made.images, batch, blanked, strict=True)
        ]

    def _engine(self, prompt: str, batch: int) -> dict[str, JsonValue]:
        return {**self._lineage, "batch": batch, "prompt_is_cut": self._is_cut(prompt)}

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


class _Made(NamedTuple):
    """An image as the pipeline made it, and what is known of that."""

    image: Image.Image
    engine: dict[str, JsonValue]
    seconds: float


def _encoded(made: Sequence[_Made | ItemFailure]) -> list[GeneratedImage | ItemFailure]:
    """Returns the images as PNG. It runs beside the pipeline, whose tokenizers bear one thread."""
    return [one if isinstance(one, ItemFailure) else _png(one) for one in made]


def _png(made: _Made) -> GeneratedImage:
    buffer = io.BytesIO()
    made.image.save(buffer, "PNG")
    return GeneratedImage(buffer.getvalue(), made.engine, made.seconds)


def _load(weights: Weights, options: DiffusersOptions, placement: Placement) -> Any:
    import diffusers

    diffusers.utils.logging.disable_progress_bar()
    with loading(weights):
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            weights.source,
            revision=weights.revision,
            variant=options.variant,
            dtype=placement.dtype,
            use_safetensors=True,
            trust_remote_code=options.trust_remote_code,
        )
    pipeline.set_progress_bar_config(disable=True)
    if options.cpu_offload and placement.device.type == "cuda":
        pipeline.enable_model_cpu_offload(device=placement.device)
        return pipeline
    return pipeline.to(placement.device)
