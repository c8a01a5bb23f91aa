"""Captions from an image-to-text model that runs in this process, by the transformers library."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

import pydantic
from PIL import Image
from pydantic import Field, model_validator

from alignbench.models.answers.captions import read_caption
from alignbench.models.answers.reading import RawAnswer
from alignbench.models.in_process.packages import check_installed
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.errors import ConfigError
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

_NOT_SENT: Final = {
    "temperature", "top_k", "top_p", "chat_template_kwargs", "inherit", "max_new_tokens"
}  # fmt: skip
"""Parameters that reach the model in another way than as arguments of `generate`."""


class TransformersOptions(InProcessOptions):
    """How the model is run.

    Attributes:
        keep_truncated: Keep a caption that the length limit cut off, marked as such, where it
            would else be a failure.
    """

    keep_truncated: bool = False


class TransformersParams(Options):
    """What is sent to `generate`. Without a temperature the likeliest token is taken.

    Sampling draws for each image from a generator of its own (`models.in_process.sampling`). What a
    model's own `generation_config` asks for beyond that is set aside, and told in the lineage.

    Attributes:
        max_new_tokens: Most tokens of an answer, thoughts included. Where the model counts fewer
            places behind image and instruction, it is asked for no more than those.
        chat_template_kwargs: Given to the model's chat template, as `{"enable_thinking": false}`.
        inherit: Settings of the model's own `generation_config` that are obeyed, by name, as
            `["suppress_tokens"]`.
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
    chat_template_kwargs: dict[str, pydantic.JsonValue] = Field(default_factory=dict)
    inherit: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sampling_is_whole(self) -> Self:
        if self.temperature is None and (self.top_k is not None or self.top_p is not None):
            raise ValueError("top_k and top_p need a temperature")
        if self.temperature is not None and self.num_beams > 1:
            raise ValueError("a temperature does not go with several beams")
        own = sorted({"do_sample", *TransformersParams.model_fields}.intersection(self.inherit))
        if own:
            raise ValueError(f"{own[0]} is not inherited; say it as a parameter")
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

        from alignbench.models.in_process.probes.batches import batches_agree
        from alignbench.models.in_process.vision_language_loading import load_vision_language

        placement = choose_placement(self.options)
        self._model = load_vision_language(
            find_weights(self.repo, self.revision),
            self.options,
            placement,
            inherit=self.params.inherit,
            template_options=self.params.chat_template_kwargs,
        )
        self._opens_thought = self._model.opens_thought()
        self.forward_batch = self.options.forward_batch
        if self.forward_batch > 1 and not batches_agree(self._model):
            self.forward_batch = 1
        self._lineage: dict[str, JsonValue] = {
            "transformers": transformers.__version__,
            **placement.lineage(),
            "attention": str(getattr(self._model.model.config, "_attn_implementation", None)),
            "forward_batch": self.forward_batch,
            **self._model.settings.lineage(),
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
        room = self._model.room(inputs)
        if room is not None and room < 1:
            return [self._no_room()] * len(seeds)
        limit = (
            self.params.max_new_tokens if room is None else min(self.params.max_new_tokens, room)
        )
        inputs = inputs.to(self._model.model.device, self._model.model.dtype)
        output = self._generate(inputs, seeds, limit)
        written = self._model.written(inputs, output).tolist()
        seconds = (time.perf_counter() - started) / len(seeds)
        return [self._generation(row, limit, len(seeds), seconds) for row in written]

    def _generate(self, inputs: Any, seeds: Sequence[int], limit: int) -> "torch.Tensor":
        params = self.params.model_dump(exclude=_NOT_SENT)
        sent = {name: value for name, value in params.items() if value is not None}
        sent["max_new_tokens"] = limit
        # `generate` would draw from one generator for all rows.
        sent["do_sample"] = False
        temperature = self.params.temperature
        if temperature is None:
            return self._written(self._model.model.generate, inputs, sent)
        return self._sampled(temperature, inputs, seeds, sent)

    def _sampled(
        self, temperature: float, inputs: Any, seeds: Sequence[int], sent: Mapping[str, Any]
    ) -> "torch.Tensor":
        from transformers import GenerationMixin

        from alignbench.models.in_process.sampling import SeededNoise, seeded_sampling

        sampling = temperature, self.params.top_k, self.params.top_p
        # Janus' own `generate` drops what is to shape its scores; the library's does not.
        for generate in (
            self._model.model.generate,
            partial(GenerationMixin.generate, self._model.model),
        ):
            noise = SeededNoise(seeds)
            steps = {"logits_processor": seeded_sampling(noise, *sampling)}
            output = self._written(generate, inputs, {**sent, **steps})
            if noise.was_asked:
                return output
        raise ConfigError(
            f"A model of family {self._model.family} takes no temperature here: what it writes is "
            "the same for every seed.",
            "Remove temperature, top_k and top_p from that captioner's params.",
        )

    def _written(
        self, generate: Callable[..., Any], inputs: Any, sent: Mapping[str, Any]
    ) -> "torch.Tensor":
        import torch

        with torch.inference_mode():
            output: torch.Tensor = generate(**inputs, **sent)
        return output

    def _generation(
        self, tokens: list[int], limit: int, batch: int, seconds: float
    ) -> Generation | ItemFailure:
        written = self._model.answer(tokens)
        raw = RawAnswer(
            written.text,
            finish_reason="stop" if written.is_whole else "length",
            begins_in_thought=self._opens_thought,
            special_tokens=self._model.special_tokens,
            completion_tokens=written.tokens,
        )
        caption = read_caption(raw, keep_truncated=self.options.keep_truncated)
        if isinstance(caption, ItemFailure):
            return caption
        bound = {} if limit == self.params.max_new_tokens else {"max_new_tokens_bound": limit}
        return Generation(
            caption.text.strip(),
            finish_reason=raw.finish_reason,
            engine={**self._lineage, **caption.left_out, **bound, "batch": batch},
            completion_tokens=written.tokens,
            seconds=seconds,
        )

    def _no_room(self) -> ItemFailure:
        return ItemCode.ANSWER_TRUNCATED.failure(
            "Image and instruction take all the places that the model counts; nothing can be "
            "written. Shorten the instruction, or name a model with more of them."
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
