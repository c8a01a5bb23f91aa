"""Captions from an image-to-text model that runs in this process, by the transformers library."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

from PIL import Image
from pydantic import Field, model_validator

from alignbench.models.in_process.packages import check_installed
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import StreamingCaptionerBase
from alignbench.schemas.protocols import (
    CaptionRequest,
    Generation,
    ItemFailure,
    Options,
)

if TYPE_CHECKING:
    import torch

check_installed("torch", "transformers")


class TransformersOptions(InProcessOptions):
    """How the model is run.

    Attributes:
        keep_truncated: Keep a caption that the length limit cut off, marked as such, where it
            would else be a failure.
    """

    keep_truncated: bool = False


class TransformersParams(Options):
    """What is sent to `generate`. Without a temperature the likeliest token is taken.

    Sampling draws for each image from a generator of its own (`models.in_process.sampling`).
    """

    max_new_tokens: Annotated[int, Field(ge=1)] = 512
    min_new_tokens: Annotated[int, Field(ge=1)] | None = None
    num_beams: Annotated[int, Field(ge=1)] = 1
    length_penalty: float | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    no_repeat_ngram_size: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(gt=0)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _sampling_is_whole(self) -> Self:
        if self.temperature is None and (self.top_k is not None or self.top_p is not None):
            raise ValueError("top_k and top_p need a temperature")
        if self.temperature is not None and self.num_beams > 1:
            raise ValueError("a temperature does not go with several beams")
        return self


class TransformersCaptioner(
    HubRevision, StreamingCaptionerBase[TransformersOptions, TransformersParams]
):
    """An image-to-text model in this process, loaded once.

    Args:
        repo: A repository on the hub, a folder, or `package:name/folder`.
        revision: A commit, or what `resolve_revision` gave.
        options: How it is run.
        params: What is sent to `generate`.

    Raises:
        PickledWeightsError: Its weights are not safetensors.
        ModelNotFoundError: It cannot be had.
        ConfigError: It cannot run on the device that is asked for.
    """

    def load(self) -> None:
        """Loads the model."""
        import transformers

        from alignbench.models.in_process.vision_language import load_vision_language

        self.forward_batch = self.options.forward_batch
        placement = choose_placement(self.options)
        self._device = placement.device
        self._dtype = placement.dtype
        self._model = load_vision_language(
            find_weights(self.repo, self.revision), self.options, placement
        )
        self._lineage: dict[str, JsonValue] = {
            "transformers": transformers.__version__,
            **placement.lineage(),
            "attention": str(getattr(self._model.model.config, "_attn_implementation", None)),
            "forward_batch": self.forward_batch,
        }

    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        """Yields captions in order; the next batch is decoded while the model is at work."""
        from alignbench.models.in_process.forward import prepared_ahead

        def prepare(batch: Sequence[CaptionRequest]) -> "_Prepared":
            return self._prepare(_decoded(batch), instruction)

        start = 0
        for batch, prepared in prepared_ahead(requests, self.forward_batch, prepare):
            answers: list[Generation | ItemFailure] = list(prepared.failures)
            for place, answer in zip(prepared.places, self._answers(prepared), strict=True):
                answers.insert(place, answer)
            yield from enumerate(answers, start)
            start += len(batch)

    def _prepare(self, decoded: "_Decoded", instruction: str | None) -> "_Prepared":
        images = decoded.images
        inputs = self._model.prepare(images, instruction) if images else None
        return _Prepared(*decoded, inputs, instruction)

    def _answers(self, prepared: "_Prepared") -> list[Generation | ItemFailure]:
        from alignbench.models.in_process.forward import halved_on_memory

        ready: list[Any] = [prepared.inputs]

        def forward(places: Sequence[int]) -> list[Generation | ItemFailure]:
            if len(places) == len(prepared.images):
                inputs = ready.pop()  # not kept, should it not fit
            else:
                images = [prepared.images[place] for place in places]
                inputs = self._model.prepare(images, prepared.instruction)
            return self._forward(inputs, [prepared.seeds[place] for place in places])

        places = range(len(prepared.images))
        return halved_on_memory(places, forward) if places else []

    def _forward(self, inputs: Any, seeds: Sequence[int]) -> list[Generation | ItemFailure]:
        started = time.perf_counter()
        inputs = inputs.to(self._device, self._dtype)
        output = self._generate(inputs, seeds)
        caption = self._model.generated(inputs, output).cpu()
        texts = self._model.tokenizer.batch_decode(caption, skip_special_tokens=True)
        seconds = (time.perf_counter() - started) / len(seeds)
        rows = zip(texts, caption.tolist(), strict=True)
        return [self._generation(text, row, len(seeds), seconds) for text, row in rows]

    def _generate(self, inputs: Any, seeds: Sequence[int]) -> "torch.Tensor":
        import torch

        from alignbench.models.in_process.sampling import seeded_sampling

        params = self.params.model_dump(exclude={"temperature", "top_k", "top_p"})
        sent = {name: value for name, value in params.items() if value is not None}
        if self.params.temperature is not None:
            sampling = self.params.temperature, self.params.top_k, self.params.top_p
            sent["logits_processor"] = seeded_sampling(seeds, *sampling)
        # A model's own defaults may ask to sample, from a generator that all rows share.
        sent["do_sample"] = False
        with torch.inference_mode():
            output: torch.Tensor = self._model.model.generate(**inputs, **sent)
        return output

    def _generation(
        self, text: str, tokens: list[int], batch: int, seconds: float
    ) -> Generation | ItemFailure:
        is_whole = not self._model.ends().isdisjoint(tokens)
        text = text.strip()
        if not is_whole and not self.options.keep_truncated:
            return ItemCode.ANSWER_TRUNCATED.failure(
                f"It was cut off after {self.params.max_new_tokens} tokens: "
                f"{text[-80:]!r}. Allow more in max_new_tokens."
            )
        padding = self._model.tokenizer.pad_token_id
        return Generation(
            text,
            finish_reason="stop" if is_whole else "length",
            engine={**self._lineage, "batch": batch},
            completion_tokens=sum(token != padding for token in tokens),
            seconds=seconds,
        )


class _Decoded(NamedTuple):
    """A batch's images that can be decoded, their places and seeds, and the other's failures."""

    images: list[Image.Image]
    seeds: list[int]
    places: list[int]
    failures: list[ItemFailure]


class _Prepared(NamedTuple):
    images: list[Image.Image]
    seeds: list[int]
    places: list[int]
    failures: list[ItemFailure]
    inputs: Any
    instruction: str | None


def _decoded(batch: Sequence[CaptionRequest]) -> _Decoded:
    decoded = _Decoded([], [], [], [])
    for place, (image, seed) in enumerate(batch):
        try:
            pixels = rgb_pixels(image.data, image.image_id)
        except ItemError as error:
            decoded.failures.append(error.failure)
            continue
        decoded.images.append(pixels)
        decoded.seeds.append(seed)
        decoded.places.append(place)
    return decoded
