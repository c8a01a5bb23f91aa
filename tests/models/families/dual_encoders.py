"""The dual encoders that AlignBench is tried on: an image tower and a text tower.

To add one: a builder, and a row below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from transformers import (
    Aimv2Config,
    Aimv2Model,
    AlignConfig,
    AlignModel,
    AltCLIPConfig,
    AltCLIPModel,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPSegConfig,
    CLIPSegModel,
    GroupViTConfig,
    GroupViTModel,
    MetaClip2Config,
    MetaClip2Model,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2Model,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

from tests.fixtures.tiny_dual_encoders import clip_tokenizer, save_clip, save_siglip, text_config
from tests.models.families.building import (
    AROUND,
    CROPPED,
    IDS,
    PATCH,
    SIDE,
    SQUARE,
    WIDTH,
    image_processor,
    save,
    tokens,
    vision,
)

_LIMIT = 77
_JOINT = {"projection_dim": 24}


@dataclass(frozen=True)
class DualEncoder:
    """A row of the table.

    Attributes:
        name: `model_type` of its configuration.
        build: Saves a tiny model of it, with random weights, in a folder.
        published: A published model that is of this family.
        needs_torchvision: Whether the library cannot load its processor without torchvision.
        note: What a user should know, for the page.
    """

    name: str
    build: Callable[[Path], object]
    published: str
    needs_torchvision: bool = False
    note: str = ""


def _clip_text() -> tuple[PreTrainedTokenizerFast, dict[str, Any]]:
    tokenizer = clip_tokenizer(_LIMIT)
    return tokenizer, text_config(tokenizer, _LIMIT, num_hidden_layers=2)


def _bert_text(**other: object) -> tuple[PreTrainedTokenizerFast, dict[str, Any]]:
    tokenizer = tokens(around=AROUND)
    tokenizer.model_max_length = _LIMIT
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2}
    limits = {"max_position_embeddings": 128, "vocab_size": len(tokenizer)}
    return tokenizer, {**sizes, **limits, "num_attention_heads": 2, **IDS, **other}


def siglip2(folder: Path) -> None:
    tokenizer = clip_tokenizer(64)
    towers = vision(num_patches=16)
    config = Siglip2Config(text_config=text_config(tokenizer, 64), vision_config=towers)
    images = image_processor(
        "siglip2", "Siglip2ImageProcessor", patch_size=PATCH, max_num_patches=16
    )
    save(folder, Siglip2Model(config), [images, tokenizer])


def metaclip_2(folder: Path) -> None:
    tokenizer, language = _clip_text()
    config = MetaClip2Config(
        text_config={**language, **_JOINT}, vision_config=vision(**_JOINT), **_JOINT
    )
    images = image_processor("clip", "CLIPImageProcessor", **CROPPED)
    save(folder, MetaClip2Model(config), [images, tokenizer])


def chinese_clip(folder: Path) -> None:
    tokenizer, language = _bert_text()
    config = ChineseCLIPConfig(text_config=language, vision_config=vision(), **_JOINT)
    images = image_processor("chinese_clip", "ChineseCLIPImageProcessor", **CROPPED)
    save(folder, ChineseCLIPModel(config), [images, tokenizer])


def altclip(folder: Path) -> None:
    # Its positions begin behind the token that fills up.
    tokenizer, language = _bert_text(project_dim=24, type_vocab_size=1)
    config = AltCLIPConfig(text_config=language, vision_config=vision(**_JOINT), **_JOINT)
    images = image_processor("clip", "CLIPImageProcessor", **CROPPED)
    save(folder, AltCLIPModel(config), [images, tokenizer])


def align(folder: Path) -> None:
    tokenizer, language = _bert_text()
    towers = {
        "image_size": SIDE, "width_coefficient": 0.25, "depth_coefficient": 0.1,
        "hidden_dim": 24, "kernel_sizes": [3], "in_channels": [32], "out_channels": [16],
        "strides": [1], "num_block_repeats": [1], "expand_ratios": [1],
    }  # fmt: skip
    config = AlignConfig(text_config=language, vision_config=towers, projection_dim=8)
    images = image_processor(
        "efficientnet", "EfficientNetImageProcessor",
        size=SQUARE, do_center_crop=False, include_top=False,
    )  # fmt: skip
    save(folder, AlignModel(config), [images, tokenizer])


def aimv2(folder: Path) -> None:
    tokenizer, language = _clip_text()
    config = Aimv2Config(text_config=language, vision_config=vision(use_head=True), **_JOINT)
    images = image_processor("clip", "CLIPImageProcessor", **CROPPED)
    save(folder, Aimv2Model(config), [images, tokenizer])


def groupvit(folder: Path) -> None:
    tokenizer, language = _clip_text()
    towers = vision(depths=[1, 1], num_group_tokens=[4, 0], num_output_groups=[4, 4])
    config = GroupViTConfig(
        text_config=language, vision_config=towers, projection_intermediate_dim=WIDTH, **_JOINT
    )
    images = image_processor("clip", "CLIPImageProcessor", **CROPPED)
    save(folder, GroupViTModel(config), [images, tokenizer])


def clipseg(folder: Path) -> None:
    tokenizer, language = _clip_text()
    config = CLIPSegConfig(
        text_config={**language, **_JOINT}, vision_config=vision(**_JOINT),
        extract_layers=[0, 1], reduce_dim=8, **_JOINT,
    )  # fmt: skip
    images = image_processor("vit", "ViTImageProcessor", size=SQUARE)
    save(folder, CLIPSegModel(config), [images, tokenizer])


def vision_text_dual_encoder(folder: Path) -> None:
    tokenizer, language = _bert_text()
    config = VisionTextDualEncoderConfig(
        vision_config={"model_type": "vit", **vision()},
        text_config={"model_type": "bert", **language},
        **_JOINT,
    )
    images = image_processor("vit", "ViTImageProcessor", size=SQUARE)
    save(folder, VisionTextDualEncoderModel(config), [images, tokenizer])


DUAL_ENCODERS: Final = (
    DualEncoder("clip", save_clip, "openai/clip-vit-large-patch14"),
    DualEncoder("siglip", save_siglip, "google/siglip-so400m-patch14-384"),
    DualEncoder("siglip2", siglip2, "google/siglip2-base-patch16-naflex"),
    DualEncoder("metaclip_2", metaclip_2, "facebook/metaclip-2-worldwide-huge-quickgelu"),
    DualEncoder("chinese_clip", chinese_clip, "OFA-Sys/chinese-clip-vit-base-patch16"),
    DualEncoder("altclip", altclip, "BAAI/AltCLIP"),
    DualEncoder("align", align, "kakaobrain/align-base"),
    DualEncoder("aimv2", aimv2, "apple/aimv2-large-patch14-224-lit"),
    DualEncoder("groupvit", groupvit, "nvidia/groupvit-gcc-yfcc"),
    DualEncoder("clipseg", clipseg, "CIDAS/clipseg-rd64-refined"),
    DualEncoder("vision-text-dual-encoder", vision_text_dual_encoder,
                "clip-italian/clip-italian"),
)  # fmt: skip
