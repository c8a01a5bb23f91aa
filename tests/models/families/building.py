"""What the builders of tiny models share: sizes, tokenizers with special tokens, image processors.

A builder saves a model of one family in a folder, with random weights, as the library's own
`save_pretrained` writes it; AlignBench then loads that folder as it would a published one.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers
from transformers import PreTrainedTokenizerFast

from tests.fixtures.tiny_models import HAS_TORCHVISION, byte_tokenizer

SIDE, PATCH, WIDTH = 32, 8, 32
PATCHES = (SIDE // PATCH) ** 2
SQUARE = {"height": SIDE, "width": SIDE}
CROPPED = {"size": {"shortest_edge": SIDE}, "crop_size": SQUARE}
IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
BEFORE = "<s> $A"
"""A tokenizer that begins each text with its token for that."""
AROUND = "<s> $A </s>"
"""One that ends it, too."""


def vision(**other: object) -> dict[str, Any]:
    """A tiny vision transformer's configuration."""
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2}
    squares = {"image_size": SIDE, "patch_size": PATCH}
    # Some families take it that no weights are drawn at random: theirs would all be nearly zero.
    return {**sizes, **squares, "num_attention_heads": 2, "initializer_range": 0.02, **other}


def text(tokenizer: PreTrainedTokenizerFast, **other: object) -> dict[str, Any]:
    """A tiny language model's configuration, for a tokenizer's vocabulary."""
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": WIDTH // 2}
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2}
    limits = {"max_position_embeddings": 2048, "vocab_size": len(tokenizer)}
    return {**heads, **sizes, **limits, **IDS, **other}


def tokens(
    *further: str, named: dict[str, str] | None = None, around: str = "$A"
) -> PreTrainedTokenizerFast:
    """A tokenizer with a token for each byte, and special tokens before them.

    Args:
        further: Special tokens, beside those for padding, begin, end, what is not known, `<image>`.
        named: Special tokens that the family's processor finds as attributes, such as
            `image_token`.
        around: What it makes of a text `$A`.
    """
    named = named or {}
    special = [token for token in dict.fromkeys([*named.values(), *further]) if token != "<image>"]
    plain = byte_tokenizer(*special, around=around)
    return PreTrainedTokenizerFast(
        tokenizer_object=plain.backend_tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=named,
    )


def number(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """A special token's number."""
    found: int = tokenizer.convert_tokens_to_ids(token)
    return found


def chat(image: str = "<image>", before: str = "USER: ", after: str = " ASSISTANT:") -> str:
    """A chat template in which `image` stands for a picture, as most families have it."""
    return (
        f"{before}{{% for message in messages %}}{{% for part in message['content'] %}}"
        f"{{% if part['type'] == 'image' %}}{image}\n"
        "{% else %}{{ part['text'] }}{% endif %}"
        f"{{% endfor %}}{{% endfor %}}{after}"
    )


def image_processor(family: str, name: str, **sizes: object) -> Any:
    """An image processor as the library takes it here: torchvision's, or Pillow's without it."""
    if not HAS_TORCHVISION:
        try:
            module = importlib.import_module(
                f"transformers.models.{family}.image_processing_pil_{family}"
            )
        except ModuleNotFoundError:
            pass
        else:
            return getattr(module, f"{name}Pil")(**sizes)
    return getattr(transformers, name)(**sizes)


def save(folder: Path, model: Any, parts: Iterable[Any]) -> None:
    """Saves a model and its processor, or what stands for one."""
    model.save_pretrained(folder)
    for part in parts:
        part.save_pretrained(folder)


def video_processor(name: str, **sizes: object) -> Any:
    """The part of a processor that reads videos; it cannot be had without torchvision."""
    return getattr(transformers, name)(**sizes)
