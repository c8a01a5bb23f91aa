"""Families that caption without being asked, or are asked without a chat."""

from pathlib import Path

from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    InstructBlipConfig,
    InstructBlipForConditionalGeneration,
    InstructBlipProcessor,
    Kosmos2Config,
    Kosmos2ForConditionalGeneration,
    Kosmos2Processor,
    Pix2StructConfig,
    Pix2StructForConditionalGeneration,
    Pix2StructProcessor,
)

from tests.models.families.building import (
    AROUND,
    BEFORE,
    CROPPED,
    IDS,
    SQUARE,
    WIDTH,
    image_processor,
    number,
    save,
    text,
    tokens,
    vision,
)

_QUERIES = 4
_QFORMER = {
    "vocab_size": 300,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 2 * WIDTH,
    "encoder_hidden_size": WIDTH,
    "cross_attention_frequency": 1,
}
_OPT = {"model_type": "opt", "ffn_dim": 2 * WIDTH, "word_embed_proj_dim": WIDTH}
_T5 = {
    "model_type": "t5",
    "d_model": WIDTH,
    "d_kv": 8,
    "d_ff": 2 * WIDTH,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
    "eos_token_id": 2,
}


def blip_2(folder: Path) -> None:
    tokenizer = tokens(around=BEFORE)
    _save_blip_2(folder, tokenizer, {**text(tokenizer), **_OPT})


def blip_2_t5(folder: Path) -> None:
    tokenizer = tokens(around="$A </s>")
    _save_blip_2(folder, tokenizer, {**_T5, "vocab_size": len(tokenizer)})


def _save_blip_2(folder: Path, tokenizer: object, language: dict[str, object]) -> None:
    config = Blip2Config(
        vision_config=vision(),
        qformer_config=_QFORMER,
        text_config=language,
        num_query_tokens=_QUERIES,
        image_token_index=number(tokenizer, "<image>"),
    )
    images = image_processor("blip", "BlipImageProcessor", size=SQUARE)
    processor = Blip2Processor(images, tokenizer, num_query_tokens=_QUERIES)
    save(folder, Blip2ForConditionalGeneration(config), [processor])


def instructblip(folder: Path) -> None:
    tokenizer = tokens(around=BEFORE)
    config = InstructBlipConfig(
        vision_config=vision(),
        qformer_config=_QFORMER,
        text_config={**text(tokenizer), "model_type": "llama"},
        num_query_tokens=_QUERIES,
        image_token_index=number(tokenizer, "<image>"),
    )
    images = image_processor("blip", "BlipImageProcessor", size=SQUARE)
    processor = InstructBlipProcessor(images, tokenizer, tokens(), num_query_tokens=_QUERIES)
    save(folder, InstructBlipForConditionalGeneration(config), [processor])


def florence2(folder: Path) -> None:
    tokenizer = tokens(named={"image_token": "<image>"}, around=AROUND)
    language = {
        "model_type": "bart",
        "d_model": WIDTH,
        "vocab_size": len(tokenizer),
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 2 * WIDTH,
        "decoder_ffn_dim": 2 * WIDTH,
        "max_position_embeddings": 512,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": None,  # what its last token may be is not the test's question
        **IDS,
    }
    towers = {
        "depths": [1, 1, 1, 1],
        "embed_dim": [16, 16, 16, WIDTH],
        "num_heads": [2, 2, 2, 2],
        "num_groups": [2, 2, 2, 2],
        "window_size": 4,
        "projection_dim": WIDTH,
    }
    config = Florence2Config(
        text_config=language, vision_config=towers, image_token_id=number(tokenizer, "<image>")
    )
    model = Florence2ForConditionalGeneration(config)
    model.generation_config.update(decoder_start_token_id=2, **IDS)
    images = image_processor(
        "clip", "CLIPImageProcessor", size={"height": 64, "width": 64}, do_center_crop=False
    )
    images.image_seq_length = 5  # 64 pixels in strides of 32, and one token for all of them
    save(folder, model, [Florence2Processor(images, tokenizer)])


def kosmos2(folder: Path) -> None:
    wrappers = [
        "</doc>", "<image>", "</image>", "</chunk>", "</line>", "<phrase>", "</phrase>",
        "<object>", "</object>", "</delimiter_of_multi_objects/>", "<grounding>",
    ]  # fmt: skip
    patches = [f"<patch_index_{place:04}>" for place in range(16)]
    tokenizer = tokens(*wrappers, *patches, around=BEFORE)
    language = {
        "vocab_size": len(tokenizer) + 4,
        "max_position_embeddings": 512,
        "embed_dim": WIDTH,
        "layers": 2,
        "ffn_dim": 2 * WIDTH,
        "attention_heads": 2,
        **IDS,
    }
    config = Kosmos2Config(text_config=language, vision_config=vision(), latent_query_num=64)
    images = image_processor("clip", "CLIPImageProcessor", **CROPPED)
    processor = Kosmos2Processor(images, tokenizer, num_patch_index_tokens=16)
    save(folder, Kosmos2ForConditionalGeneration(config), [processor])


def pix2struct(folder: Path) -> None:
    tokenizer = tokens(around="$A </s>")
    shared = {"hidden_size": WIDTH, "d_kv": 8, "d_ff": 2 * WIDTH}
    language = {
        **shared, "vocab_size": len(tokenizer), "num_layers": 2, "num_heads": 4,
        "pad_token_id": 0, "eos_token_id": 2,
    }  # fmt: skip
    towers = {
        **shared, "patch_embed_hidden_size": 8 * 8 * 3, "num_hidden_layers": 2,
        "num_attention_heads": 4, "seq_len": 4096, "initializer_range": 0.02,
    }  # fmt: skip
    config = Pix2StructConfig(text_config=language, vision_config=towers)
    images = image_processor(
        "pix2struct", "Pix2StructImageProcessor",
        patch_size={"height": 8, "width": 8}, max_patches=16,
    )  # fmt: skip
    model = Pix2StructForConditionalGeneration(config)
    save(folder, model, [Pix2StructProcessor(images, tokenizer)])
