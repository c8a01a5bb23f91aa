"""The text-to-image pipelines that AlignBench is tried on.

To add one: a builder, and a row below. A pipeline is as small as its parts allow: pictures of 32
pixels, mostly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    ChromaPipeline,
    ChromaTransformer2DModel,
    CogVideoXDDIMScheduler,
    CogView3PlusPipeline,
    CogView3PlusTransformer2DModel,
    CogView4Pipeline,
    CogView4Transformer2DModel,
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    HunyuanDiT2DModel,
    HunyuanDiTPipeline,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
    PixArtAlphaPipeline,
    PixArtTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SanaPipeline,
    SanaTransformer2DModel,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import (
    BertConfig,
    BertModel,
    CLIPTextConfig,
    CLIPTextModel,
    Gemma2Config,
    Gemma2Model,
    GlmConfig,
    GlmModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.fixtures import tiny_pipelines
from tests.models.families.building import BEFORE, IDS, SIDE, WIDTH, text, tokens

_LATENT = 4
_SMALL: Final = {"height": SIDE, "width": SIDE}
_IN_BINS: Final = {**_SMALL, "use_resolution_binning": False}
"""Tables of resolutions begin far above the size of a tiny picture."""
_FLOW: Final = FlowMatchEulerDiscreteScheduler


@dataclass(frozen=True)
class Pipeline:
    """A row of the table.

    Attributes:
        name: What it is called.
        make: Returns a tiny pipeline, with random weights.
        published: A published model that is of this kind.
        params: What it must be called with to draw small.
        batch_changes_pixels: The largest change, of 255, that being drawn in a batch makes to a
            channel of a pixel.
        note: What a user should know, for the page.
    """

    name: str
    make: Callable[[], DiffusionPipeline]
    published: str
    params: Mapping[str, object] = field(default_factory=dict)
    batch_changes_pixels: int = 1
    note: str = ""

    def build(self, folder: Path) -> None:
        """Saves a tiny pipeline in a folder."""
        self.make().save_pretrained(folder)


def _tokens(limit: int = 77, **other: Any) -> PreTrainedTokenizerFast:
    tokenizer = tokens("<|im_start|>", "<|im_end|>", around=BEFORE, **other)
    tokenizer.model_max_length = limit
    return tokenizer


def _chat_tokens() -> PreTrainedTokenizerFast:
    tokenizer = _tokens(512)
    tokenizer.chat_template = (
        "{% for message in messages %}{{ message['content'] if message['content'] is string "
        "else message['content'][0]['text'] }}{% endfor %}"
    )
    return tokenizer


def _clip() -> CLIPTextModel:
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2}
    config = CLIPTextConfig(
        vocab_size=len(_tokens()), num_attention_heads=2, projection_dim=WIDTH, **sizes, **IDS
    )
    return CLIPTextModel(config)


def _t5() -> T5EncoderModel:
    sizes = {"d_model": WIDTH, "d_kv": 8, "d_ff": 2 * WIDTH, "num_layers": 2, "num_heads": 4}
    return T5EncoderModel(T5Config(vocab_size=len(_tokens()), **sizes, pad_token_id=0))


def _vae(blocks: int = 2, **other: object) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(32,) * blocks,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        latent_channels=_LATENT,
        sample_size=SIDE,
        **other,
    )


def _flow_vae(blocks: int = 2) -> AutoencoderKL:
    return _vae(blocks, shift_factor=0.06, scaling_factor=1.5)


_EIGHTH: Final = 4
"""Blocks of an autoencoder that makes eight pixels one, which some pipelines take for granted."""


def latent_consistency() -> DiffusionPipeline:
    unet = UNet2DConditionModel(
        sample_size=SIDE // 2,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        time_cond_proj_dim=32,
    )
    return LatentConsistencyModelPipeline(
        vae=_vae(), text_encoder=_clip(), tokenizer=_tokens(), unet=unet, scheduler=LCMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def pixart_alpha() -> DiffusionPipeline:
    transformer = PixArtTransformer2DModel(
        sample_size=SIDE // 2, num_layers=2, patch_size=2, attention_head_dim=8,
        num_attention_heads=4, caption_channels=WIDTH, in_channels=_LATENT, cross_attention_dim=32,
        out_channels=2 * _LATENT, norm_type="ada_norm_single", norm_elementwise_affine=False,
        norm_eps=1e-6, use_additional_conditions=False,
    )  # fmt: skip
    return PixArtAlphaPipeline(
        tokenizer=_tokens(), text_encoder=_t5(), vae=_vae(), transformer=transformer,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
    )  # fmt: skip


def sana() -> DiffusionPipeline:
    transformer = SanaTransformer2DModel(
        in_channels=_LATENT, out_channels=_LATENT, num_layers=1, num_attention_heads=2,
        attention_head_dim=8, num_cross_attention_heads=2, cross_attention_head_dim=8,
        cross_attention_dim=16, caption_channels=WIDTH, sample_size=SIDE // 2,
    )  # fmt: skip
    vae = AutoencoderDC(
        latent_channels=_LATENT, attention_head_dim=2,
        encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        encoder_qkv_multiscales=((), (5,)), decoder_qkv_multiscales=((), (5,)),
        encoder_layers_per_block=(1, 1), decoder_layers_per_block=(1, 1),
        downsample_block_type="conv", upsample_block_type="interpolate",
        decoder_norm_types="rms_norm", decoder_act_fns="silu", scaling_factor=0.41407,
    )  # fmt: skip
    return SanaPipeline(
        tokenizer=_tokens(300), text_encoder=_gemma2(), vae=vae, transformer=transformer,
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True
        ),
    )  # fmt: skip


def _gemma2() -> Gemma2Model:
    return Gemma2Model(Gemma2Config(**text(_tokens(), query_pre_attn_scalar=16)))


def lumina2() -> DiffusionPipeline:
    transformer = Lumina2Transformer2DModel(
        sample_size=SIDE // 2, patch_size=2, in_channels=_LATENT, hidden_size=24, num_layers=1,
        num_refiner_layers=1, num_attention_heads=3, num_kv_heads=1, multiple_of=2,
        axes_dim_rope=(4, 2, 2), axes_lens=(512, 128, 128), cap_feat_dim=WIDTH,
    )  # fmt: skip
    return Lumina2Pipeline(
        transformer=transformer, scheduler=_FLOW(), vae=_flow_vae(_EIGHTH), text_encoder=_gemma2(),
        tokenizer=_tokens(512),
    )  # fmt: skip


def auraflow() -> DiffusionPipeline:
    transformer = AuraFlowTransformer2DModel(
        sample_size=SIDE // 2, patch_size=2, in_channels=_LATENT, num_mmdit_layers=1,
        num_single_dit_layers=1, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=WIDTH, caption_projection_dim=32, out_channels=_LATENT,
        pos_embed_max_size=256,
    )  # fmt: skip
    sizes = {"d_model": WIDTH, "d_kv": 8, "d_ff": 2 * WIDTH, "num_layers": 2, "num_heads": 4}
    encoder = UMT5EncoderModel(UMT5Config(vocab_size=len(_tokens()), **sizes, pad_token_id=0))
    return AuraFlowPipeline(
        tokenizer=_tokens(256), text_encoder=encoder, vae=_vae(), transformer=transformer,
        scheduler=_FLOW(),
    )  # fmt: skip


def hunyuan_dit() -> DiffusionPipeline:
    transformer = HunyuanDiT2DModel(
        sample_size=SIDE // 8, num_layers=2, patch_size=2, attention_head_dim=8,
        num_attention_heads=3, in_channels=_LATENT, hidden_size=24, cross_attention_dim=WIDTH,
        cross_attention_dim_t5=WIDTH, pooled_projection_dim=16, text_len=77, text_len_t5=256,
        activation_fn="gelu-approximate",
    )  # fmt: skip
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2}
    bert = BertConfig(vocab_size=len(_tokens()), num_attention_heads=2, **sizes, pad_token_id=0)
    return HunyuanDiTPipeline(
        vae=_vae(_EIGHTH), text_encoder=BertModel(bert), tokenizer=_tokens(), text_encoder_2=_t5(),
        tokenizer_2=_tokens(256), transformer=transformer, scheduler=DDPMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def chroma() -> DiffusionPipeline:
    transformer = ChromaTransformer2DModel(
        patch_size=1, in_channels=4 * _LATENT, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 4, 8), approximator_num_channels=8, approximator_hidden_dim=16,
        approximator_layers=1,
    )  # fmt: skip
    return ChromaPipeline(
        scheduler=_FLOW(), vae=_flow_vae(), text_encoder=_t5(), tokenizer=_tokens(512),
        transformer=transformer,
    )  # fmt: skip


def cogview3_plus() -> DiffusionPipeline:
    transformer = CogView3PlusTransformer2DModel(
        patch_size=2, in_channels=_LATENT, num_layers=1, attention_head_dim=8,
        num_attention_heads=2, out_channels=_LATENT, text_embed_dim=WIDTH, time_embed_dim=8,
        condition_dim=2, pos_embed_max_size=32, sample_size=SIDE // 2,
    )  # fmt: skip
    return CogView3PlusPipeline(
        tokenizer=_tokens(224), text_encoder=_t5(), vae=_vae(), transformer=transformer,
        scheduler=CogVideoXDDIMScheduler(),
    )  # fmt: skip


def cogview4() -> DiffusionPipeline:
    transformer = CogView4Transformer2DModel(
        patch_size=2, in_channels=_LATENT, num_layers=1, attention_head_dim=16,
        num_attention_heads=2, out_channels=_LATENT, text_embed_dim=WIDTH, time_embed_dim=8,
        condition_dim=4,
    )  # fmt: skip
    encoder = GlmModel(GlmConfig(**text(_tokens())))
    return CogView4Pipeline(
        tokenizer=_tokens(1024), text_encoder=encoder, vae=_vae(), transformer=transformer,
        scheduler=_FLOW(),
    )  # fmt: skip


def qwen_image() -> DiffusionPipeline:
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=4 * _LATENT, out_channels=_LATENT, num_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=WIDTH,
        axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    vae = AutoencoderKLQwenImage(
        base_dim=16, z_dim=_LATENT, dim_mult=[1, 2, 4], num_res_blocks=1,
        temperal_downsample=[False, True], latents_mean=[0.0] * _LATENT,
        latents_std=[1.0] * _LATENT,
    )  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}
    encoder = Qwen2_5_VLConfig(
        text_config=text(_tokens(), rope_parameters=rope),
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
            "out_hidden_size": WIDTH, "fullatt_block_indexes": [0],
        },
        image_token_id=0, video_token_id=0, vision_start_token_id=0, vision_end_token_id=0,
    )  # fmt: skip
    return QwenImagePipeline(
        scheduler=_FLOW(), vae=vae, text_encoder=Qwen2_5_VLForConditionalGeneration(encoder),
        tokenizer=_tokens(2048), transformer=transformer,
    )  # fmt: skip


def flux2_klein() -> DiffusionPipeline:
    transformer = Flux2Transformer2DModel(
        patch_size=1, in_channels=4 * _LATENT, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=3 * WIDTH,
        timestep_guidance_channels=32, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(
        block_out_channels=(32, 32), layers_per_block=1, latent_channels=_LATENT,
        sample_size=SIDE, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    # Its transformer is shown what the layers 9, 18 and 27 of the encoder say.
    encoder = Qwen3ForCausalLM(Qwen3Config(**text(_tokens(), num_hidden_layers=28)))
    return Flux2KleinPipeline(
        scheduler=_FLOW(), vae=vae, text_encoder=encoder, tokenizer=_chat_tokens(),
        transformer=transformer, is_distilled=False,
    )  # fmt: skip


def z_image() -> DiffusionPipeline:
    transformer = ZImageTransformer2DModel(
        in_channels=_LATENT, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2,
        cap_feat_dim=WIDTH, axes_dims=[8, 4, 4], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    return ZImagePipeline(
        scheduler=_FLOW(), vae=_flow_vae(), text_encoder=Qwen3Model(Qwen3Config(**text(_tokens()))),
        tokenizer=_chat_tokens(), transformer=transformer,
    )  # fmt: skip


PIPELINES: Final = (
    Pipeline("stable-diffusion", tiny_pipelines.stable_diffusion,
             "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    Pipeline("stable-diffusion-xl", tiny_pipelines.stable_diffusion_xl,
             "stabilityai/stable-diffusion-xl-base-1.0"),
    Pipeline("stable-diffusion-3", tiny_pipelines.stable_diffusion_3,
             "stabilityai/stable-diffusion-3.5-medium"),
    Pipeline("latent-consistency", latent_consistency, "SimianLuo/LCM_Dreamshaper_v7"),
    Pipeline("pixart-alpha", pixart_alpha, "PixArt-alpha/PixArt-XL-2-1024-MS", _IN_BINS),
    Pipeline("pixart-sigma", tiny_pipelines.pixart_sigma, "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS",
             _IN_BINS),
    Pipeline("sana", sana, "Efficient-Large-Model/Sana_1600M_1024px_diffusers", _IN_BINS),
    Pipeline("lumina2", lumina2, "Alpha-VLLM/Lumina-Image-2.0", _SMALL),
    Pipeline("auraflow", auraflow, "fal/AuraFlow-v0.3", _SMALL),
    Pipeline("hunyuan-dit", hunyuan_dit, "Tencent-Hunyuan/HunyuanDiT-v1.2-Diffusers", _IN_BINS),
    Pipeline("flux", tiny_pipelines.flux, "black-forest-labs/FLUX.1-dev", _SMALL),
    Pipeline("flux2-klein", flux2_klein, "black-forest-labs/FLUX.2-klein-4B", _SMALL),
    Pipeline("chroma", chroma, "lodestones/Chroma1-HD", _SMALL),
    Pipeline("cogview3-plus", cogview3_plus, "zai-org/CogView3-Plus-3B", _SMALL),
    Pipeline("cogview4", cogview4, "zai-org/CogView4-6B", _SMALL),
    Pipeline("qwen-image", qwen_image, "Qwen/Qwen-Image", _SMALL),
    Pipeline("z-image", z_image, "Tongyi-MAI/Z-Image-Turbo", _SMALL),
)  # fmt: skip
