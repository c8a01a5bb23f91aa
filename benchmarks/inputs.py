"""What the benchmarks of captioners work on: photographs in size and weight, and a model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from alignbench.flows.ingest import ingest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

WIDTH, HEIGHT = 640, 480


def save_images(folder: Path, count: int) -> None:
    """Saves JPEGs of 640 x 480, each another one, about as large as photographs are."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    blurred = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(3))
    for number in range(count):
        turned = Image.fromarray(np.roll(np.asarray(blurred), (number, 3 * number), (0, 1)))
        turned.save(folder / f"{number:05}.jpg", quality=90)


def workspace_of(folder: Path, captioner: dict[str, Any]) -> None:
    """Makes a workspace of a folder's images, ready to be captioned."""
    params = captioner.pop("params", {})
    lines = ["[[sources]]", 'name = "photos"', 'kind = "folder"', 'path = "images"']
    lines += ["[[captioners]]", *(f"{k} = {json.dumps(v)}" for k, v in captioner.items())]
    lines += [f"params.{key} = {json.dumps(value)}" for key, value in params.items()]
    (folder / "alignbench.toml").write_text("\n".join(lines) + "\n")
    ingest.fn(workspace=str(folder))


def save_llava(
    folder: Path,
    width: int = 256,
    side: int = 112,
    tokenizer: "PreTrainedTokenizerFast | None" = None,
) -> None:
    """Saves a model of LLaVA's architecture with random weights: small, but most of the work.

    Args:
        folder: Where it is saved.
        width: Of its layers; 1,280 makes a file of some 1.1 GB.
        side: Of the square that it sees, in pixels; a token stands for 14 x 14 of them.
        tokenizer: One that has `<pad>`, `<s>`, `</s>`, `<unk>` and `<image>` first; else bytes.
    """
    import torch
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from tests.fixtures.tiny_models import CHAT_TEMPLATE, byte_tokenizer

    torch.manual_seed(0)
    patch = 14
    tokenizer = tokenizer or byte_tokenizer(around="<s> $A")
    layers: dict[str, Any] = {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
    }
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(image_size=side, patch_size=patch, **layers),
        text_config=LlamaConfig(vocab_size=len(tokenizer), **layers, **ids),
        image_token_index=4,
        vision_feature_layer=-1,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.update(**ids)
    model.save_pretrained(folder)
    size = {"height": side, "width": side}
    LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size=size),
        tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
