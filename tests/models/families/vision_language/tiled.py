"""Chat families that see a picture in tiles, so that its size decides how many tokens it has."""

from pathlib import Path

import torch
from transformers import (
    AyaVisionConfig,
    AyaVisionForConditionalGeneration,
    AyaVisionProcessor,
    Cohere2VisionConfig,
    Cohere2VisionForConditionalGeneration,
    Cohere2VisionProcessor,
    Idefics2Config,
    Idefics2ForConditionalGeneration,
    Idefics2Processor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    Llama4Config,
    Llama4ForConditionalGeneration,
    Llama4Processor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionProcessor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaProcessor,
    Ovis2Config,
    Ovis2ForConditionalGeneration,
    Ovis2Processor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMProcessor,
)

from tests.models.families.building import (
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
    video_processor,
    vision,
)

_IMAGE = {"image_token": "<image>"}
_TILES = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]


def llava_onevision(folder: Path) -> None:
    tokenizer = tokens(named=_IMAGE | {"video_token": "<video>"})
    config = LlavaOnevisionConfig(
        vision_config={"model_type": "siglip_vision_model", **vision(vision_use_head=False)},
        text_config={"model_type": "qwen2", **text(tokenizer)},
        image_token_index=number(tokenizer, "<image>"),
        video_token_index=number(tokenizer, "<video>"),
        image_grid_pinpoints=_TILES,
    )
    images = image_processor(
        "llava_onevision", "LlavaOnevisionImageProcessor", size=SQUARE, image_grid_pinpoints=_TILES
    )
    processor = LlavaOnevisionProcessor(
        images,
        tokenizer,
        video_processor("LlavaOnevisionVideoProcessor", size=SQUARE),
        num_image_tokens=PATCHES,
        vision_feature_select_strategy="full",
        chat_template=chat(),
    )
    save(folder, LlavaOnevisionForConditionalGeneration(config), [processor])


def idefics2(folder: Path) -> None:
    tokenizer = tokens("<fake_token_around_image>", "<end_of_utterance>")
    latents = 4
    config = Idefics2Config(
        vision_config=vision(),
        text_config={"model_type": "mistral", **text(tokenizer)},
        perceiver_config={
            "hidden_size": WIDTH, "resampler_n_latents": latents, "resampler_depth": 1,
            "resampler_n_heads": 2, "resampler_head_dim": 16, "num_key_value_heads": 2,
        },
        image_token_id=number(tokenizer, "<image>"),
    )  # fmt: skip
    images = image_processor(
        "idefics2", "Idefics2ImageProcessor",
        size={"shortest_edge": SIDE // 2, "longest_edge": SIDE},
    )  # fmt: skip
    processor = Idefics2Processor(images, tokenizer, image_seq_len=latents, chat_template=chat())
    save(folder, Idefics2ForConditionalGeneration(config), [processor])


def smolvlm(folder: Path) -> None:
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    named = _IMAGE | {
        "fake_image_token": "<fake_token_around_image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
        "video_token": "<video>",
    }
    tokenizer = tokens(*rows, named=named)
    config = SmolVLMConfig(
        vision_config=vision(),
        text_config={"model_type": "llama", **text(tokenizer)},
        image_token_id=number(tokenizer, "<image>"),
        scale_factor=2,
    )
    sizes = {"size": {"longest_edge": 2 * SIDE}, "max_image_size": {"longest_edge": SIDE}}
    processor = SmolVLMProcessor(
        image_processor("smolvlm", "SmolVLMImageProcessor", **sizes),
        tokenizer,
        video_processor("SmolVLMVideoProcessor", **sizes),
        image_seq_len=PATCHES // 4,
        chat_template=chat(),
    )
    save(folder, SmolVLMForConditionalGeneration(config), [processor])


def internvl(folder: Path) -> None:
    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = tokens(named=named)
    config = InternVLConfig(
        vision_config=vision(image_size=[SIDE, SIDE], patch_size=[PATCH, PATCH]),
        text_config={"model_type": "qwen2", **text(tokenizer)},
        image_token_id=number(tokenizer, "<IMG_CONTEXT>"),
        image_seq_length=PATCHES // 4,
    )
    processor = InternVLProcessor(
        image_processor("got_ocr2", "GotOcr2ImageProcessor", size=SQUARE, crop_to_patches=True),
        tokenizer,
        video_processor("InternVLVideoProcessor", size=SQUARE),
        image_seq_length=PATCHES // 4,
        chat_template=chat("<IMG_CONTEXT>"),
    )
    save(folder, InternVLForConditionalGeneration(config), [processor])


def ovis2(folder: Path) -> None:
    indicators = ["<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>"]
    tokenizer = tokens(*indicators, "<IMG_ATOM>", named=_IMAGE)
    towers = vision(vocab_size=32, num_visual_indicator_tokens=5, hidden_stride=2)
    config = Ovis2Config(
        vision_config=towers,
        text_config={"model_type": "qwen2", **text(tokenizer)},
        image_token_id=number(tokenizer, "<IMG_ATOM>"),
        visual_indicator_token_ids=[number(tokenizer, token) for token in indicators],
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
    )
    processor = Ovis2Processor(
        image_processor("ovis2", "Ovis2ImageProcessor", size=SQUARE),
        tokenizer,
        chat_template=chat(),
        image_seq_length=PATCHES // 4,
    )
    save(folder, Ovis2ForConditionalGeneration(config), [processor])


def aya_vision(folder: Path) -> None:
    marks = ["<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>"]
    tokenizer = tokens(*marks, "TILE", "TILE_GLOBAL", named=_IMAGE)
    config = AyaVisionConfig(
        vision_config={"model_type": "siglip_vision_model", **vision(vision_use_head=False)},
        text_config={"model_type": "cohere2", **text(tokenizer, sliding_window=64)},
        image_token_index=number(tokenizer, "<|IMG_PATCH|>"),
        downsample_factor=2,
    )
    processor = AyaVisionProcessor(
        image_processor("got_ocr2", "GotOcr2ImageProcessor", size=SQUARE, crop_to_patches=True),
        tokenizer,
        patch_size=PATCH,
        img_size=SIDE,
        downsample_factor=2,
        chat_template=chat(),
    )
    save(folder, AyaVisionForConditionalGeneration(config), [processor])


def cohere2_vision(folder: Path) -> None:
    named = {
        "boi_token": "<|START_OF_IMG|>",
        "eoi_token": "<|END_OF_IMG|>",
        "image_token": "<|IMG_PATCH|>",
        "img_line_break_token": "<|IMG_LINE_BREAK|>",
    }
    tokenizer = tokens(named=named)
    config = Cohere2VisionConfig(
        vision_config={"model_type": "siglip_vision_model", **vision(vision_use_head=False)},
        text_config={"model_type": "cohere2", **text(tokenizer, sliding_window=64)},
        image_token_id=number(tokenizer, "<|IMG_PATCH|>"),
        downsample_factor=2,
        alignment_intermediate_size=2 * WIDTH,
    )
    images = image_processor(
        "cohere2_vision",
        "Cohere2VisionImageProcessor",
        size=SQUARE,
        patch_size=SIDE // PATCH // 2,  # tokens on a tile's side
    )
    processor = Cohere2VisionProcessor(images, tokenizer, chat_template=chat("<|IMG_PATCH|>"))
    save(folder, Cohere2VisionForConditionalGeneration(config), [processor])


def mllama(folder: Path) -> None:
    tokenizer = tokens("<|python_tag|>", named={"image_token": "<|image|>"})
    language = text(tokenizer, num_hidden_layers=3, cross_attention_layers=[1])
    # The image's own token is read but never written, and stands behind the vocabulary.
    language["rope_parameters"] = {"rope_type": "default", "rope_theta": 10_000.0}
    config = MllamaConfig(
        vision_config=vision(
            attention_heads=2, num_global_layers=1, vision_output_dim=2 * WIDTH,
            intermediate_layers_indices=[0], max_num_tiles=4,
        ),
        text_config=language,
        image_token_index=number(tokenizer, "<|image|>"),
    )  # fmt: skip
    processor = MllamaProcessor(
        image_processor("mllama", "MllamaImageProcessor", size=SQUARE, max_image_tiles=4),
        tokenizer,
        chat_template=chat("<|image|>"),
    )
    model = MllamaForConditionalGeneration(config)
    # The library begins with gates that are shut, and such a model sees nothing.
    for name, gate in model.named_parameters():
        if "_gate" in name:
            torch.nn.init.constant_(gate, 0.5)
    save(folder, model, [processor])


def llama4(folder: Path) -> None:
    marks = [
        "<|image_start|>", "<|image_end|>", "<|patch|>", "<|tile_x_separator|>",
        "<|tile_y_separator|>", "<|image|>",
    ]  # fmt: skip
    tokenizer = tokens(*marks)
    towers = vision(
        intermediate_size=4 * WIDTH,  # two by two patches become one token
        pixel_shuffle_ratio=0.5, projector_input_dim=WIDTH, projector_output_dim=WIDTH,
        vision_output_dim=WIDTH, multi_modal_projector_bias=False,
    )  # fmt: skip
    language = text(
        tokenizer, intermediate_size_mlp=2 * WIDTH, num_local_experts=2, attention_chunk_size=256
    )
    config = Llama4Config(
        vision_config=towers,
        text_config=language,
        boi_token_index=number(tokenizer, "<|image_start|>"),
        eoi_token_index=number(tokenizer, "<|image_end|>"),
        image_token_index=number(tokenizer, "<|patch|>"),
    )
    processor = Llama4Processor(
        image_processor("llama4", "Llama4ImageProcessor", size=SQUARE, max_patches=4),
        tokenizer,
        patch_size=PATCH,
        pixel_shuffle_ratio=0.5,
        chat_template=chat("<|image|>"),
    )
    save(folder, Llama4ForConditionalGeneration(config), [processor])
