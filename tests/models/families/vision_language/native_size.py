"""Chat families that see a picture at its own size and proportions."""

from pathlib import Path
from typing import Any

from transformers import (
    Glm4vConfig,
    Glm4vForConditionalGeneration,
    Glm4vProcessor,
    Lfm2VlConfig,
    Lfm2VlForConditionalGeneration,
    Lfm2VlProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PixtralProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
    Qwen3VLProcessor,
)

from tests.models.families.building import (
    BEFORE,
    PATCH,
    SIDE,
    WIDTH,
    chat,
    image_processor,
    number,
    save,
    text,
    tokens,
    video_processor,
    vision,
)

_QWEN_MARKS = {
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
}
_QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
_THOUGHT = (
    " ASSISTANT:<think>\n{% if enable_thinking is defined and not enable_thinking %}</think>\n\n"
    "{% endif %}"
)
"""The model thinks first, unless it is told not to."""


def _qwen_tokens() -> PreTrainedTokenizerFast:
    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    return tokens("<|im_start|>", "<|im_end|>", *_QWEN_MARKS.values(), named=named)


def _numbers(tokenizer: PreTrainedTokenizerFast, marks: dict[str, str]) -> dict[str, int]:
    return {key: number(tokenizer, token) for key, token in marks.items()}


def _rope(*sections: int, **other: object) -> dict[str, Any]:
    """Positions in time, height and width, each with its share of a head's dimensions."""
    kind = {"rope_type": "default", "rope_theta": 10_000.0}
    return {"rope_parameters": {**kind, "mrope_section": list(sections), **other}}


def _patches(patch: int, **other: object) -> dict[str, Any]:
    """A vision tower that merges two by two patches into one token."""
    sizes = {"depth": 2, "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_heads": 2}
    merged = {"spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": WIDTH}
    return {**sizes, **merged, "patch_size": patch, **other}


def _bounds(patch: int) -> dict[str, Any]:
    side = 2 * patch
    return {"patch_size": patch, "size": {"shortest_edge": side**2, "longest_edge": 16 * side**2}}


def qwen2_5_vl(folder: Path) -> None:
    tokenizer, patch = _qwen_tokens(), 14
    config = Qwen2_5_VLConfig(
        text_config=text(tokenizer, **_rope(2, 3, 3)),
        vision_config=_patches(patch, window_size=56, fullatt_block_indexes=[1]),
        **_numbers(tokenizer, _QWEN_MARKS),
    )
    processor = Qwen2_5_VLProcessor(
        image_processor("qwen2_vl", "Qwen2VLImageProcessor", **_bounds(patch)),
        tokenizer,
        video_processor("Qwen2VLVideoProcessor", **_bounds(patch)),
        chat_template=chat(_QWEN_IMAGE),
    )
    save(folder, Qwen2_5_VLForConditionalGeneration(config), [processor])


def qwen3_vl(folder: Path) -> None:
    tokenizer = _qwen_tokens()
    config = Qwen3VLConfig(
        text_config=text(tokenizer, **_rope(2, 3, 3, mrope_interleaved=True)),
        vision_config=_deep_tower(),
        **_numbers(tokenizer, _QWEN_MARKS),
    )
    save(folder, Qwen3VLForConditionalGeneration(config), [_qwen3_processor(tokenizer)])


def qwen3_vl_moe(folder: Path) -> None:
    tokenizer = _qwen_tokens()
    experts = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": WIDTH}
    config = Qwen3VLMoeConfig(
        text_config=text(tokenizer, **experts, **_rope(2, 3, 3, mrope_interleaved=True)),
        vision_config=_deep_tower(),
        **_numbers(tokenizer, _QWEN_MARKS),
    )
    save(folder, Qwen3VLMoeForConditionalGeneration(config), [_qwen3_processor(tokenizer)])


def qwen3_5(folder: Path) -> None:
    tokenizer = _qwen_tokens()
    linear = {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
    }
    rope = _rope(2, 3, 3, mrope_interleaved=True, partial_rotary_factor=1.0)
    config = Qwen3_5Config(
        text_config=text(tokenizer, **linear, **rope),
        vision_config=_patches(16, num_position_embeddings=64),
        **_numbers(tokenizer, _QWEN_MARKS),
    )
    processor = _qwen3_processor(tokenizer, template=chat(_QWEN_IMAGE, after=_THOUGHT))
    save(folder, Qwen3_5ForConditionalGeneration(config), [processor])


def _deep_tower() -> dict[str, Any]:
    return _patches(16, num_position_embeddings=64, deepstack_visual_indexes=[0])


def _qwen3_processor(tokenizer: PreTrainedTokenizerFast, template: str | None = None) -> Any:
    return Qwen3VLProcessor(
        image_processor("qwen2_vl", "Qwen2VLImageProcessor", **_bounds(16)),
        tokenizer,
        video_processor("Qwen3VLVideoProcessor", **_bounds(16)),
        chat_template=template or chat(_QWEN_IMAGE),
    )


def glm4v(folder: Path) -> None:
    marks = {
        "image_start_token_id": "<|begin_of_image|>",
        "image_end_token_id": "<|end_of_image|>",
        "video_start_token_id": "<|begin_of_video|>",
        "video_end_token_id": "<|end_of_video|>",
        "image_token_id": "<|image|>",
        "video_token_id": "<|video|>",
    }
    named = {"image_token": "<|image|>", "video_token": "<|video|>"}
    tokenizer = tokens(*marks.values(), named=named)
    patch = 14
    config = Glm4vConfig(
        text_config=text(tokenizer, **_rope(2, 3, 3, partial_rotary_factor=1.0)),
        vision_config=_patches(patch, image_size=2 * patch * 4),
        **_numbers(tokenizer, marks),
    )
    processor = Glm4vProcessor(
        image_processor("glm4v", "Glm4vImageProcessor", **_bounds(patch)),
        tokenizer,
        video_processor("Glm4vVideoProcessor", **_bounds(patch)),
        chat_template=chat("<|begin_of_image|><|image|><|end_of_image|>"),
    )
    save(folder, Glm4vForConditionalGeneration(config), [processor])


_PIXTRAL = {"image_token": "[IMG]", "break": "[IMG_BREAK]", "end": "[IMG_END]"}


def pixtral(folder: Path) -> None:
    """Published as a LLaVA whose vision tower is Pixtral's."""
    tokenizer = tokens(*_PIXTRAL.values(), around=BEFORE)
    config = LlavaConfig(
        vision_config={"model_type": "pixtral", **vision(image_size=2 * SIDE, head_dim=16)},
        text_config={"model_type": "mistral", **text(tokenizer)},
        image_token_index=number(tokenizer, "[IMG]"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    model = LlavaForConditionalGeneration(config)
    save(folder, model, [_pixtral_processor(tokenizer, merged=1)])


def mistral3(folder: Path) -> None:
    tokenizer = tokens(*_PIXTRAL.values(), around=BEFORE)
    config = Mistral3Config(
        vision_config={"model_type": "pixtral", **vision(image_size=2 * SIDE, head_dim=16)},
        text_config={"model_type": "mistral", **text(tokenizer)},
        image_token_index=number(tokenizer, "[IMG]"),
        spatial_merge_size=2,
    )
    model = Mistral3ForConditionalGeneration(config)
    save(folder, model, [_pixtral_processor(tokenizer, merged=2)])


def _pixtral_processor(tokenizer: PreTrainedTokenizerFast, merged: int) -> Any:
    side = {"height": PATCH * merged, "width": PATCH * merged}
    images = image_processor(
        "pixtral", "PixtralImageProcessor", size={"longest_edge": 2 * SIDE}, patch_size=side
    )
    return PixtralProcessor(
        images,
        tokenizer,
        patch_size=PATCH,
        spatial_merge_size=merged,
        chat_template=chat("[IMG]"),
    )


def lfm2_vl(folder: Path) -> None:
    named = {
        "image_token": "<image>",
        "image_start_token": "<|image_start|>",
        "image_end_token": "<|image_end|>",
        "image_thumbnail": "<|img_thumbnail|>",
    }
    rows = [f"<|img_row_{row}_col_{column}|>" for row in range(1, 5) for column in range(1, 5)]
    tokenizer = tokens(*rows, named=named)
    language = {
        "model_type": "lfm2",
        **text(tokenizer, layer_types=["conv", "full_attention"], block_ff_dim=2 * WIDTH),
    }
    config = Lfm2VlConfig(
        vision_config={"model_type": "siglip2_vision_model", **vision(num_patches=64)},
        text_config=language,
        image_token_id=number(tokenizer, "<image>"),
        projector_hidden_size=2 * WIDTH,
        downsample_factor=2,
    )
    images = image_processor(
        "lfm2_vl", "Lfm2VlImageProcessor",
        do_image_splitting=False, min_image_tokens=2, max_image_tokens=8, tile_size=SIDE,
        encoder_patch_size=PATCH,
    )  # fmt: skip
    processor = Lfm2VlProcessor(images, tokenizer, chat_template=chat())
    save(folder, Lfm2VlForConditionalGeneration(config), [processor])
