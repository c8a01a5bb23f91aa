"""Image-to-text models of the transformers library: how one is asked, and what it wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Final, NamedTuple

import torch
from PIL import Image
from transformers import BatchFeature

from alignbench.models.answers.thoughts import ends_in_open_thought
from alignbench.models.in_process.complete_weights import LoadedTensors
from alignbench.models.in_process.generation_settings import GenerationSettings
from alignbench.models.in_process.model_inputs import shortened
from alignbench.models.in_process.positions import prompt_lengths
from alignbench.models.in_process.remembered_findings import RememberedFindings
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

CONTINUES: Final = frozenset({"blip", "git"})
"""Families whose caption goes on from the text that they are given, which stays part of it."""
_WRITES_UNASKED: Final = CONTINUES | {"vision-encoder-decoder", "blip-2", "pix2struct"}
"""Families that caption a picture with nothing said; others would write something too."""
TAKES_NO_TEXT: Final = frozenset({"vision-encoder-decoder"})
_CLOSED_THOUGHT: Final = "\n</think>\n\n"


class WrittenAnswer(NamedTuple):
    """What a model wrote, as it wrote it.

    Attributes:
        text: Special tokens may be in it, but not the one that ended it.
        is_whole: Whether the model came to its end.
        tokens: How many it wrote, its end included.
    """

    text: str
    is_whole: bool
    tokens: int


class Asking(Enum):
    """How an image and a text are put to a model."""

    CHAT = auto()
    """By its chat template, image and text as parts of a message."""
    CHAT_TEXT = auto()
    """By its chat template, which takes text alone, the image's token in it."""
    TEXT = auto()
    """As a text; its processor puts the image's token in, or it needs none."""
    MARKED_TEXT = auto()
    """As a text behind the image's token."""

    @property
    def is_chat(self) -> bool:
        """Whether the model is asked in a chat."""
        return self in (Asking.CHAT, Asking.CHAT_TEXT)


@dataclass(frozen=True, slots=True)
class VisionLanguageModel:
    """A loaded model and what turns images and text into its input, and tokens into text.

    Attributes:
        family: `model_type` of its configuration.
        model: A transformers model with `generate`.
        processor: Called with images, and with text where the model takes text.
        tokenizer: Turns tokens into text.
        asking: How it is asked.
        template_options: What its chat template is given beside the messages.
        settings: What its own `generation_config` asked for.
        tensors: What of its weights stood in its files.
        remembered: What was found of it at an earlier start.
        sees_images: Whether it takes images; one that reads text alone judges and rewrites.
    """

    family: str
    model: Any
    processor: Any
    tokenizer: Any
    asking: Asking
    template_options: Mapping[str, JsonValue] = field(default_factory=dict)
    settings: GenerationSettings = field(default_factory=GenerationSettings)
    tensors: LoadedTensors = field(default_factory=LoadedTensors)
    remembered: RememberedFindings = field(default_factory=RememberedFindings)
    sees_images: bool = True

    def asked_by(self, asking: Asking) -> "VisionLanguageModel":
        """Returns the same model, asked in another way."""
        return replace(self, asking=asking)

    @property
    def chat(self) -> bool:
        """Whether it is asked in a chat."""
        return self.asking.is_chat

    @property
    def keeps_instruction(self) -> bool:
        """Whether the instruction is the beginning of the caption."""
        return self.family in CONTINUES

    @property
    def writes_unasked(self) -> bool:
        """Whether it captions a picture with nothing said."""
        # BLIP-2 with an encoder (T5) has nothing to encode then.
        has_text = self.family == "blip-2" and self.has_encoder
        return self.family in _WRITES_UNASKED and not self.chat and not has_text

    @property
    def image_token_id(self) -> int | None:
        """The token of `image_token`, where the family has such a thing."""
        config = self.model.config
        names = ("image_token_id", "image_token_index")
        found = [getattr(config, name, None) for name in names]
        return next((token for token in found if isinstance(token, int)), None)

    @property
    def image_token(self) -> str | None:
        """What stands for an image in the text of a prompt, where the family has such a thing."""
        token = getattr(self.processor, "image_token", None)
        return str(token) if token else None

    @property
    def has_encoder(self) -> bool:
        """Whether what is asked is read by an encoder, and the answer written by a decoder."""
        writer = getattr(self.model, "language_model", None)
        configs = [self.model.config, getattr(writer, "config", None)]
        return any(getattr(config, "is_encoder_decoder", False) is True for config in configs)

    @property
    def decoder_start(self) -> int | None:
        """The token that the decoder of an encoder-decoder begins with."""
        parts = [self.model, getattr(self.model, "language_model", None)]
        places = [getattr(part, name, None) for part in parts if part is not None
                  for name in ("generation_config", "config")]  # fmt: skip
        found = [getattr(place, "decoder_start_token_id", None) for place in places]
        return next((int(token) for token in found if token is not None), None)

    @property
    def special_tokens(self) -> frozenset[str]:
        """The tokens that its tokenizer calls special, as text."""
        return frozenset(map(str, getattr(self.tokenizer, "all_special_tokens", ())))

    def mistaken_for_image(self, sentence: str) -> ItemFailure | None:
        """Returns why a sentence cannot be shown: the model would see a further image in it."""
        token = self.image_token
        if token is None or token not in sentence:
            return None
        message = f"The sentence contains {token!r}, which the model takes for an image."
        return ItemCode.SENTENCE_HAS_IMAGE_TOKEN.failure(message)

    def prepare(
        self,
        images: Sequence[Image.Image],
        instruction: str | Sequence[str] | None,
        *,
        close_thought: bool = False,
    ) -> Any:
        """Returns the model's input for a batch of images, on the processor.

        Args:
            images: In RGB.
            instruction: What is asked of all images, or of each.
            close_thought: Whether a thought that the prompt opens is closed at once.

        Raises:
            ConfigError: The model must be asked something and is not, or the other way round.
        """
        if self.family in TAKES_NO_TEXT:
            if instruction is not None:
                raise ConfigError(
                    f"A model of family {self.family} takes no instruction.",
                    "Remove it from that captioner.",
                )
            return self.processor(images=list(images), return_tensors="pt")
        if instruction is None and self.writes_unasked:
            return self.processor(images=list(images), return_tensors="pt")
        if instruction is None or isinstance(instruction, str):
            texts = [self.prompt(instruction, close_thought=close_thought)] * len(images)
        else:
            texts = [self.prompt(one, close_thought=close_thought) for one in instruction]
        return self.inputs(images, texts)

    def inputs(self, images: Sequence[Image.Image], prompts: Sequence[str]) -> Any:
        """Returns the model's input for prompts with their templates, on the processor.

        Args:
            images: One for each prompt, or none at all.
            prompts: As `prompt` gives them.
        """
        # One list for each text: processors that allow several images a text need to be told.
        nested = [[image] for image in images] if self.chat else list(images)
        shown = {"images": nested} if images else {}
        inputs = self.processor(
            **shown, text=list(prompts), padding=True, return_tensors="pt",
            **self._special(prompts[0]),
        )  # fmt: skip
        # A tokenizer's own batch is put on a device, and not into a dtype.
        return self._open_ended(inputs if self.sees_images else BatchFeature(dict(inputs)))

    def tokens_of(self, prompt: str) -> list[int]:
        """Returns a prompt's tokens as the processor has them before it spreads the image's."""
        found = self.tokenizer(prompt, **self._special(prompt))["input_ids"]
        return [int(token) for token in found]

    def prompt(self, instruction: str | None, *, close_thought: bool = False) -> str:
        """Returns what is said to the model to ask something, its template around it.

        Raises:
            ConfigError: It must be asked something, and is not.
        """
        if instruction is None:
            raise ConfigError(
                f"A model of family {self.family} only writes when it is asked something.",
                "Set the captioner's instruction, such as 'Describe this image in detail.'",
            )
        if not self.chat:
            return self._plain(instruction)
        content: Any = [{"type": "image"}, {"type": "text", "text": instruction}]
        if self.asking is Asking.CHAT_TEXT:
            content = f"{self.image_token or '<image>'}{instruction}"
        text = self.templated([{"role": "user", "content": content}])
        opens_thought = close_thought and ends_in_open_thought(text)
        return text.rstrip() + _CLOSED_THOUGHT if opens_thought else text

    def templated(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """Returns messages in its chat template, up to where the model is to go on."""
        has_own = bool(getattr(self.processor, "chat_template", None))
        return str(
            (self.processor if has_own else self.tokenizer).apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=False, **self.template_options
            )
        )

    def opens_thought(self) -> bool:
        """Tells whether its prompt ends in an open thought, so that an answer begins in it."""
        return self.chat and ends_in_open_thought(self.prompt("What is this?"))

    def written(self, inputs: Mapping[str, Any], output: torch.Tensor) -> torch.Tensor:
        """Returns the tokens (rows, length) that the model wrote, its end included.

        Some models give the prompt with it, some their decoder's first token, some neither.
        """
        given = inputs.get("input_ids")
        if self.keeps_instruction:
            return output[:, 1:]  # without the token that begins every text
        if given is not None and not self.has_encoder:
            length = given.shape[1]
            if output.shape[1] >= length and bool((output[:, :length] == given).all()):
                return output[:, length:]
        start = self.decoder_start
        if start is not None and output.shape[1] and bool((output[:, 0] == start).all()):
            return output[:, 1:]
        return output

    def answer(self, tokens: Sequence[int]) -> "WrittenAnswer":
        """Returns what tokens that the model wrote say, up to the first that ends a text."""
        ends = self.ends()
        end = next((at for at, token in enumerate(tokens) if token in ends), None)
        said = [token for token in tokens[:end] if token != self.tokenizer.pad_token_id]
        text = self.tokenizer.decode(said, skip_special_tokens=False)
        return WrittenAnswer(str(text), end is not None, len(said) + (end is not None))

    def ends(self) -> frozenset[int]:
        """Returns the tokens that end a caption."""
        if self.family == "blip":  # its generate ends at the separator, whatever else is configured
            return frozenset([self.model.config.text_config.sep_token_id])
        parts = [self.model, *(getattr(self.model, name, None) for name in _WRITERS)]
        found = [
            getattr(getattr(part, "generation_config", None), "eos_token_id", None)
            for part in parts
        ]
        ends = next((end for end in found if end is not None), self.tokenizer.eos_token_id)
        return frozenset(ends if isinstance(ends, list) else [ends])

    def room(self, inputs: Mapping[str, Any]) -> int | None:
        """Returns how many tokens can be written after a prompt; None where nothing limits them."""
        return prompt_lengths(self.model, inputs, has_encoder=self.has_encoder).room

    def _plain(self, instruction: str) -> str:
        if self.asking is not Asking.MARKED_TEXT:
            return instruction
        token = self.image_token or "<image>"
        return instruction if token in instruction else f"{token}\n{instruction}"

    def _special(self, prompt: str) -> dict[str, bool]:
        bos = self.tokenizer.bos_token
        begins = self.chat and bool(bos) and prompt.startswith(bos)
        return {"add_special_tokens": False} if begins else {}

    def _open_ended(self, inputs: Any) -> Any:
        """Returns the input without the token that ends a text, which some tokenizers put there.

        A decoder would go on behind its end; BLIP takes it off itself, an encoder needs it.
        """
        inputs.pop("labels", None)  # PaliGemma's, for training
        ids = inputs.get("input_ids")
        if self.chat or self.family == "blip" or ids is None or self.has_encoder:
            return inputs
        closing = {self.tokenizer.eos_token_id, self.tokenizer.sep_token_id} - {None}
        last = ids[:, -1].tolist()
        if ids.shape[1] > 1 and closing.issuperset(last):
            inputs.update(shortened(inputs, ids.shape[1] - 1))
        return inputs


_WRITERS: Final = ("language_model", "text_model", "text_decoder")
"""Names of the model inside a model that does its writing."""
