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

from alignbench.models.in_process.packages import check_installed
from alignbench.models.in_process.placement import InProcessOptions, Placement, choose_placement
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import StreamingImageGeneratorBase
from alignbench.schemas.protocols import GeneratedImage, ImageRequest, ItemFailure, Options

check_installed("torch", "diffusers")


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
        IncompleteWeightsError: One of its parts lacks some of its weights.
        UnsupportedModelError: It makes no image from a prompt alone.
        ConfigError: A parameter is not one of this pipeline's, a negative prompt has no effect on
            it, or the device is not there.
    """

    def load(self) -> None:
        """Loads the pipeline."""
        import diffusers

        from alignbench.models.in_process.pipelines import check_makes_images, load_pipeline
        from alignbench.models.in_process.probes.pipelines import (
            PipelineFindings,
            encoder_tokenizers,
            probe_pipeline,
        )
        from alignbench.models.in_process.remembered_findings import RememberedFindings

        sent = self.params.model_dump(exclude_unset=True)
        self._sent: dict[str, Any] = {k: v for k, v in sent.items() if v is not None}
        placement = choose_placement(self.options)
        weights = find_weights(self.repo, self.revision)
        self._pipeline = _placed(
            load_pipeline(
                weights,
                placement,
                variant=self.options.variant,
                trust_remote_code=self.options.trust_remote_code,
            ),
            self.options,
            placement,
        )
        check_makes_images(self._pipeline, weights.source)
        self._check_known()
        in_batches = self.options.forward_batch > 1
        self.findings = RememberedFindings.of(weights, self.options, placement).found(
            "pipeline",
            PipelineFindings,
            lambda: probe_pipeline(self._pipeline, self._sent, weights.source, batches=in_batches),
            is_good=lambda found: found.is_batch_alike and not found.without_effect,
            given=self._sent,
        )
        self._check_effect()
        self.forward_batch = self.options.forward_batch if self.findings.is_batch_alike else 1
        self._tokenizers = encoder_tokenizers(self._pipeline)
        self._lineage: dict[str, JsonValue] = {
            "diffusers": diffusers.__version__,
            "pipeline": type(self._pipeline).__name__,
            **placement.lineage(),
            "forward_batch": self.forward_batch,
        }
        if self.findings.without_effect:
            self._lineage["params_without_effect"] = list(self.findings.without_effect)

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
        cutting = self._cutting(prompt)
        told: dict[str, JsonValue] = {**self._lineage, "batch": batch}
        # Where one encoder reads a prompt to its end, the image knows of all of it.
        told["prompt_is_cut"] = bool(cutting) and len(cutting) == len(self.findings.limits)
        if cutting:
            told["prompt_is_cut_by"] = list(cutting)
        return told

    def _cutting(self, prompt: str) -> list[str]:
        """Returns the tokenizers of the text encoders that do not read the prompt to its end."""
        from alignbench.models.in_process.probes.pipelines import token_count

        return [
            name
            for name, limit in self.findings.limits
            if token_count(self._tokenizers[name], prompt) > limit
        ]

    def _check_known(self) -> None:
        known = inspect.signature(self._pipeline.__call__).parameters
        for name in self._sent:
            if name not in known:
                raise ConfigError(
                    f"{type(self._pipeline).__name__} has no parameter {name!r}.",
                    "Remove it from that image generator's params.",
                )

    def _check_effect(self) -> None:
        # Other parameters without an effect are told in the lineage: the published way to call some
        # pipelines has them. What must not be in an image would be in it all the same.
        if "negative_prompt" in self.findings.without_effect:
            raise ConfigError(
                f"negative_prompt changes nothing in the images of {self.repo}.",
                "Remove it, or set what makes the pipeline heed it: true_cfg_scale or "
                "guidance_scale above 1.",
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


def _placed(pipeline: Any, options: DiffusersOptions, placement: Placement) -> Any:
    if options.cpu_offload and placement.device.type == "cuda":
        pipeline.enable_model_cpu_offload(device=placement.device)
        return pipeline
    return pipeline.to(placement.device)
