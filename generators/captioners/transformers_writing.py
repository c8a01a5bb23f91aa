"""What a transformers model writes to prepared input, and what is sent to its `generate`."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

import pydantic
from pydantic import Field, model_validator

from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure, Options

if TYPE_CHECKING:
    import torch

    from alignbench.models.in_process.vision_language import VisionLanguageModel

_NOT_SENT: Final = {
    "temperature", "top_k", "top_p", "chat_template_kwargs", "inherit", "max_new_tokens"
}  # fmt: skip
"""Parameters that reach the model in another way than as arguments of `generate`."""


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


class Written(NamedTuple):
    """What was written to one row of a batch.

    Attributes:
        raw: As it was written; it begins in no thought as far as is known here.
        lineage: How it was written.
        seconds: Its share of the batch's time.
    """

    raw: RawAnswer
    lineage: dict[str, JsonValue]
    seconds: float


class TransformersWriter:
    """A loaded model and what is sent to it.

    Attributes:
        model: The model.
        params: What is sent to `generate`.
        lineage: How it is run.
    """

    def __init__(
        self,
        model: "VisionLanguageModel",
        params: TransformersParams,
        lineage: dict[str, JsonValue],
    ) -> None:
        self.model = model
        self.params = params
        self.lineage = lineage

    def leaves_room(self, inputs: Any) -> bool:
        """Tells whether the longest prompt of a batch leaves room for a whole answer."""
        room = self.model.room(inputs)
        return room is None or room >= self.params.max_new_tokens

    def write(self, inputs: Any, seeds: Sequence[int]) -> list[Written | ItemFailure]:
        """Returns what the model writes to each row of a batch, in order."""
        started = time.perf_counter()
        room = self.model.room(inputs)
        if room is not None and room < 1:
            return [_no_room()] * len(seeds)
        most = self.params.max_new_tokens
        limit = most if room is None else min(most, room)
        inputs = inputs.to(self.model.model.device, self.model.model.dtype)
        output = self._generate(inputs, seeds, limit)
        rows = self.model.written(inputs, output).tolist()
        seconds = (time.perf_counter() - started) / len(seeds)
        bound: dict[str, JsonValue] = {} if limit == most else {"max_new_tokens_bound": limit}
        return [Written(self._raw(row), bound | {"batch": len(seeds)}, seconds) for row in rows]

    def _generate(self, inputs: Any, seeds: Sequence[int], limit: int) -> "torch.Tensor":
        params = self.params.model_dump(exclude=_NOT_SENT)
        sent = {name: value for name, value in params.items() if value is not None}
        sent["max_new_tokens"] = limit
        # `generate` would draw from one generator for all rows.
        sent["do_sample"] = False
        temperature = self.params.temperature
        if temperature is None:
            return self._written(self.model.model.generate, inputs, sent)
        return self._sampled(temperature, inputs, seeds, sent)

    def _sampled(
        self, temperature: float, inputs: Any, seeds: Sequence[int], sent: Mapping[str, Any]
    ) -> "torch.Tensor":
        from transformers import GenerationMixin

        from alignbench.models.in_process.sampling import SeededNoise, seeded_sampling

        sampling = temperature, self.params.top_k, self.params.top_p
        # Janus' own `generate` drops what is to shape its scores; the library's does not.
        for generate in (
            self.model.model.generate,
            partial(GenerationMixin.generate, self.model.model),
        ):
            noise = SeededNoise(seeds)
            steps = {"logits_processor": seeded_sampling(noise, *sampling)}
            output = self._written(generate, inputs, {**sent, **steps})
            if noise.was_asked:
                return output
        raise ConfigError(
            f"A model of family {self.model.family} takes no temperature here: what it writes is "
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

    def _raw(self, tokens: list[int]) -> RawAnswer:
        written = self.model.answer(tokens)
        return RawAnswer(
            written.text,
            finish_reason="stop" if written.is_whole else "length",
            special_tokens=self.model.special_tokens,
            completion_tokens=written.tokens,
        )


def _no_room() -> ItemFailure:
    return ItemCode.ANSWER_TRUNCATED.failure(
        "Image and text take all the places that the model counts; nothing can be written. "
        "Shorten what is asked, or name a model with more of them."
    )
