"""Chat families that see a picture whole, at one size."""

from pathlib import Path

import torch
from transformers import (
    ChameleonConfig,
    ChameleonForConditionalGeneration,
    ChameleonProcessor,
    DeepseekVLConfig,
    DeepseekVLForConditionalGeneration,
    DeepseekVLProcessor,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3Processor,
    JanusConfig,
    JanusForConditionalGeneration,
    JanusProcessor,
    LlavaProcessor,
    VipLlavaConfig,
    VipLlavaForConditionalGeneration,
)

from tests.models.families.building import (
    BEFORE,
    CROPPED,
    PATCH,
    PATCHES,
    SIDE,
    SQUARE,
    WIDTH,
    chat,
    image_processor,
    number,
    save,
    text,
    tokens,
    vision,
)

_IMAGE = {"image_token": "<image>"}


def vipllava(folder: Path) -> None:
    tokenizer = tokens(named=_IMAGE, around=BEFORE)
    config = VipLlavaConfig(
        vision_config={"model_type": "clip_vision_model", **vision()},
        text_config={"model_type": "llama", **text(tokenizer)},
        image_token_index=number(tokenizer, "<image>"),
        vision_feature_layer=[-1, -2],
        image_seq_length=PATCHES,
    )
    processor = LlavaProcessor(
        image_processor("clip", "CLIPImageProcessor", **CROPPED),
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=chat(),
        num_additional_image_tokens=1,
    )
    save(folder, VipLlavaForConditionalGeneration(config), [processor])


def gemma3(folder: Path) -> None:
    named = _IMAGE | {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    tokenizer = tokens(named={**named, "image_token": "<image_soft_token>"}, around=BEFORE)
    config = Gemma3Config(
        vision_config={"model_type": "siglip_vision_model", **vision(vision_use_head=False)},
        text_config=text(tokenizer, sliding_window=64, query_pre_attn_scalar=16),
        mm_tokens_per_image=PATCHES // 4,
        boi_token_index=number(tokenizer, "<start_of_image>"),
        eoi_token_index=number(tokenizer, "<end_of_image>"),
        image_token_index=number(tokenizer, "<image_soft_token>"),
    )
    model = Gemma3ForConditionalGeneration(config)
    # The library begins with zeros here, and such a model sees nothing.
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.1)
    processor = Gemma3Processor(
        image_processor("gemma3", "Gemma3ImageProcessor", size=SQUARE),
        tokenizer,
        chat_template=chat("<start_of_image>"),
        image_seq_length=PATCHES // 4,
    )
    save(folder, model, [processor])


def deepseek_vl(folder: Path) -> None:
    tokenizer = tokens(named={"image_token": "<image_placeholder>"}, around=BEFORE)
    config = DeepseekVLConfig(
        vision_config={"model_type": "siglip_vision_model", **vision()},
        text_config={"model_type": "llama", **text(tokenizer)},
        image_token_id=number(tokenizer, "<image_placeholder>"),
    )
    processor = DeepseekVLProcessor(
        image_processor("deepseek_vl", "DeepseekVLImageProcessor", size=SQUARE, min_size=SIDE // 2),
        tokenizer,
        chat_template=chat("<image_placeholder>"),
        num_image_tokens=PATCHES,
    )
    save(folder, DeepseekVLForConditionalGeneration(config), [processor])


def janus(folder: Path) -> None:
    named = {
        "image_token": "<image_placeholder>",
        "boi_token": "<begin_of_image>",
        "eoi_token": "<end_of_image>",
    }
    tokenizer = tokens(named=named, around=BEFORE)
    config = JanusConfig(
        vision_config=vision(projection_dim=WIDTH, num_image_tokens=PATCHES),
        text_config={"model_type": "llama", **text(tokenizer)},
        vq_config={
            "embed_dim": 4, "num_embeddings": 16, "latent_channels": 8, "base_channels": 32,
            "channel_multiplier": [1, 1], "num_res_blocks": 1, "projection_dim": WIDTH,
            "num_patches": 4, "image_token_embed_dim": WIDTH,
        },
        image_token_id=number(tokenizer, "<image_placeholder>"),
    )  # fmt: skip
    processor = JanusProcessor(
        image_processor("janus", "JanusImageProcessor", size=SQUARE, min_size=SIDE // 2),
        tokenizer,
        chat_template=chat("<image_placeholder>"),
        num_image_tokens=PATCHES,
    )
    save(folder, JanusForConditionalGeneration(config), [processor])


def chameleon(folder: Path) -> None:
    named = {"image_token": "<image>", "boi_token": "<racm3:break>", "eoi_token": "<eoss>"}
    digits = str.maketrans("0123456789", "ABCDEFGHIJ")  # as its tokens spell a code's number
    codes = [f"IMGIMG{str(code).translate(digits)}Z" for code in range(16)]
    tokenizer = tokens(*codes, "<reserved08707>", named=named)
    config = ChameleonConfig(
        **text(tokenizer),
        vq_config={
            "embed_dim": 8, "num_embeddings": 16, "latent_channels": 8, "resolution": SIDE,
            "base_channels": 32, "channel_multiplier": [1, 1, 1, 1], "num_res_blocks": 1,
        },
        vocabulary_map={
            token: number(tokenizer, token)
            for token in ["<image>", "<racm3:break>", "<eoss>", *codes]
        },
    )  # fmt: skip
    images = image_processor("chameleon", "ChameleonImageProcessor", **CROPPED)
    processor = ChameleonProcessor(images, tokenizer, image_seq_length=PATCHES)
    save(folder, ChameleonForConditionalGeneration(config), [processor])
