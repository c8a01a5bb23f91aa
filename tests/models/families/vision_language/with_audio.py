"""Chat families that hear as well: they are asked about pictures all the same."""

from pathlib import Path

from transformers import (
    Phi4MultimodalConfig,
    Phi4MultimodalFeatureExtractor,
    Phi4MultimodalForCausalLM,
    Phi4MultimodalProcessor,
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    WhisperFeatureExtractor,
)

from tests.models.families.building import (
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


def phi4_multimodal(folder: Path) -> None:
    named = {"image_token": "<|image|>", "audio_token": "<|audio|>"}
    tokenizer = tokens("<|user|>", "<|end|>", "<|assistant|>", named=named)
    patch, side = 4, 128  # the processor takes it that a side has 32 patches
    config = Phi4MultimodalConfig(
        **text(tokenizer),
        vision_config=vision(
            image_size=side, patch_size=patch, crop_size=side,
            image_token_id=number(tokenizer, "<|image|>"),
        ),
        audio_config={
            "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_blocks": 2,
            "num_attention_heads": 2, "ext_pw_out_channel": WIDTH,
            "depthwise_separable_out_channel": WIDTH, "nemo_conv_channels": 8,
            "audio_token_id": number(tokenizer, "<|audio|>"), "bias_max_distance": 10,
        },
    )  # fmt: skip
    images = image_processor(
        "phi4_multimodal", "Phi4MultimodalImageProcessor",
        size={"height": side, "width": side}, patch_size=patch, dynamic_hd=4,
    )  # fmt: skip
    # As published, the template is the tokenizer's, and takes what is said as one string.
    tokenizer.chat_template = (
        "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
        "{% endfor %}<|assistant|>"
    )
    processor = Phi4MultimodalProcessor(images, Phi4MultimodalFeatureExtractor(), tokenizer)
    save(folder, Phi4MultimodalForCausalLM(config), [processor])


def qwen2_5_omni(folder: Path) -> None:
    """The part of it that reads and answers; the rest of it speaks."""
    named = {
        "image_token": "<|IMAGE|>",
        "audio_token": "<|AUDIO|>",
        "video_token": "<|VIDEO|>",
        "vision_bos_token": "<|vision_bos|>",
        "vision_eos_token": "<|vision_eos|>",
        "audio_bos_token": "<|audio_bos|>",
        "audio_eos_token": "<|audio_eos|>",
    }
    tokenizer = tokens(named=named)
    patch = 14
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}
    config = Qwen2_5OmniThinkerConfig(
        text_config=text(tokenizer, rope_parameters=rope),
        vision_config={
            "depth": 2, "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_heads": 2,
            "out_hidden_size": WIDTH, "patch_size": patch, "window_size": 56,
            "fullatt_block_indexes": [1],
        },
        audio_config={
            "d_model": WIDTH, "encoder_layers": 1, "encoder_attention_heads": 2,
            "encoder_ffn_dim": WIDTH, "output_dim": WIDTH, "num_mel_bins": 16,
        },
        image_token_index=number(tokenizer, "<|IMAGE|>"),
        audio_token_index=number(tokenizer, "<|AUDIO|>"),
        video_token_index=number(tokenizer, "<|VIDEO|>"),
        vision_start_token_id=number(tokenizer, "<|vision_bos|>"),
        vision_end_token_id=number(tokenizer, "<|vision_eos|>"),
        audio_start_token_id=number(tokenizer, "<|audio_bos|>"),
        audio_end_token_id=number(tokenizer, "<|audio_eos|>"),
    )  # fmt: skip
    bounds = {
        "patch_size": patch,
        "size": {"shortest_edge": (2 * patch) ** 2, "longest_edge": 16 * (2 * patch) ** 2},
    }
    processor = Qwen2_5OmniProcessor(
        image_processor("qwen2_vl", "Qwen2VLImageProcessor", **bounds),
        video_processor("Qwen2VLVideoProcessor", **bounds),
        WhisperFeatureExtractor(feature_size=16),
        tokenizer,
        chat_template=chat("<|vision_bos|><|IMAGE|><|vision_eos|>"),
    )
    model = Qwen2_5OmniThinkerForConditionalGeneration(config)
    save(folder, model, [processor])
