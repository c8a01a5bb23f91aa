"""Image-to-text models of the transformers library: how each family is loaded and asked.

A model with a chat template is asked in a chat. One without either writes with no question, or goes
on from the instruction (BLIP, GIT: it stays part of the caption), or takes it beside the image.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    VisionEncoderDecoderModel,
)

from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, Placement
from alignbench.models.in_process.weights import Weights
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

_CONTINUES: Final = frozenset({"blip", "git"})
"""Families whose caption goes on from the text that they are given."""


class VisionLanguageModel(NamedTuple):
    """A loaded model and what turns images and text into its input, and tokens into text.

    Attributes:
        family: `model_type` of its configuration.
        model: A transformers model with `generate`.
        processor: Called with images, and with text where the model takes text.
        tokenizer: Turns tokens into text.
        chat: Whether it is asked in a chat.
    """

    family: str
    model: Any
    processor: Any
    tokenizer: Any
    chat: bool

    @property
    def keeps_instruction(self) -> bool:
        """Whether the instruction is the beginning of the caption."""
        return self.family in _CONTINUES

    @property
    def image_token(self) -> str | None:
        """What stands for an image in the text of a prompt, where the family has such a thing."""
        token = getattr(self.processor, "image_token", None)
        return str(token) if token else None

    def mistaken_for_image(self, sentence: str) -> ItemFailure | None:
        """Returns why a sentence cannot be shown: the model would see a further image in it."""
        token = self.image_token
        if token is None or token not in sentence:
            return None
        message = f"The sentence contains {token!r}, which the model takes for an image."
        return ItemCode.SENTENCE_HAS_IMAGE_TOKEN.failure(message)

    def prepare(
        self, images: Sequence[Image.Image], instruction: str | Sequence[str] | None
    ) -> Any:
        """Returns the model's input for a batch of images, on the processor.

        Args:
            images: In RGB.
            instruction: What is asked of all images, or of each.

        Raises:
            ConfigError: The model must be asked something and is not, or the other way round.
        """
        if self.family == "vision-encoder-decoder":
            if instruction is not None:
                raise ConfigError(
                    "A model of family vision-encoder-decoder takes no instruction.",
                    "Remove it from that captioner.",
                )
            return self.processor(images=list(images), return_tensors="pt")
        if instruction is None and not self.chat and self.keeps_instruction:
            return self.processor(images=list(images), return_tensors="pt")
        if instruction is None or isinstance(instruction, str):
            texts = [self.prompt(instruction)] * len(images)
        else:
            texts = [self.prompt(one) for one in instruction]
        # One list for each text: processors that allow several images a text need to be told.
        nested = [[image] for image in images] if self.chat else list(images)
        special = {"add_special_tokens": False} if self.chat and self._has_bos(texts[0]) else {}
        return self.processor(
            images=nested,
            text=texts,
            padding=True,
            return_tensors="pt",
            **special,
        )

    def generated(self, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        """Returns the tokens (rows, length) that are the caption's, its end included."""
        given = inputs.get("input_ids")
        if given is None or self.keeps_instruction or self.model.config.is_encoder_decoder:
            return output[:, 1:]  # without the token that begins every text
        return output[:, given.shape[1] :]

    def ends(self) -> frozenset[int]:
        """Returns the tokens that end a caption."""
        if self.family == "blip":  # its generate ends at the separator, whatever else is configured
            return frozenset([self.model.config.text_config.sep_token_id])
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.tokenizer.eos_token_id
        return frozenset(ends if isinstance(ends, list) else [ends])

    def prompt(self, instruction: str | None) -> str:
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
            if self.keeps_instruction:
                return instruction
            token = self.image_token or "<image>"
            # PaliGemma's processor puts the line break in, and at the end of the text.
            between = "" if self.family.startswith("paligemma") else "\n"
            return instruction if token in instruction else f"{token}{between}{instruction}"
        content = [{"type": "image"}, {"type": "text", "text": instruction}]
        text = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return str(text)

    def _has_bos(self, text: str) -> bool:
        bos = self.tokenizer.bos_token
        return bool(bos) and text.startswith(bos)


def load_vision_language(
    weights: Weights, options: InProcessOptions, placement: Placement
) -> VisionLanguageModel:
    """Loads a model, its processor and its tokenizer; weights only from safetensors.

    Raises:
        PickledWeightsError: The repository has no safetensors.
        ModelNotFoundError: It cannot be had.
        MissingExtraError: Its processor needs a package that is not installed.
    """
    trusted: dict[str, Any] = {
        "revision": weights.revision,
        "trust_remote_code": options.trust_remote_code,
    }
    attention = {} if options.attention == "auto" else {"attn_implementation": options.attention}
    with loading(weights):
        config = AutoConfig.from_pretrained(weights.source, **trusted)
        is_pair = config.model_type == "vision-encoder-decoder"
        model_class = VisionEncoderDecoderModel if is_pair else AutoModelForImageTextToText
        model = model_class.from_pretrained(
            weights.source, dtype=placement.dtype, use_safetensors=True, **attention, **trusted
        )
        if is_pair:  # it has no processor of its own
            processor = AutoImageProcessor.from_pretrained(weights.source, **trusted)
            tokenizer = AutoTokenizer.from_pretrained(weights.source, **trusted)
        else:
            processor = AutoProcessor.from_pretrained(weights.source, **trusted)
            tokenizer = processor.tokenizer
    # A decoder goes on from the right end, so what is missing must be missing on the left.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    chat = bool(getattr(processor, "chat_template", None)) and not is_pair
    model.to(placement.device).eval()
    return VisionLanguageModel(config.model_type, model, processor, tokenizer, chat)
