"""A text-to-image pipeline in Stable Diffusion's own classes, at 64 pixels."""

from pathlib import Path
from typing import NamedTuple

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch.nn.functional import l1_loss, mse_loss
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from alignbench.scenes.prompts import sample_prompts
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.scene import Place, Scene
from alignbench.scenes.training.fitting import Fitted, Run, fit
from alignbench.scenes.training.material import normalised, pictures, token_ids
from alignbench.scenes.training.saving import load_as_float32
from alignbench.scenes.training.vocabulary import clip_tokenizer

SIDE = 64
PROMPT_TOKENS = 40
"""Room for three sentences."""
_LATENT_CHANNELS = 8
_LATENT_SIDE = SIDE // 8
_WIDTH = 128
_BATCH = 48
_VAE_BATCH = 16
_KL_WEIGHT = 1e-3
_FIRST_LOG_VARIANCE = -6.0
_VAE_STEPS_SHARE = 0.4
_CROWDED_SHARE = 1 / 3
_PROMPT_DROPPED = 0.1
_ENCODED_AT_ONCE = 250


class _Material(NamedTuple):
    images: torch.Tensor
    ids: torch.Tensor


def train_diffusion(folder: Path, run: Run) -> Fitted:
    """Trains `scenes-diffusion`, autoencoder first, and saves the pipeline in `folder`."""
    tokenizer = clip_tokenizer(PROMPT_TOKENS)
    material = _material(run, tokenizer)
    vae = _autoencoder().to(run.device)
    _train_autoencoder(vae, run)
    vae.save_pretrained(folder / "vae")  # to be looked at while the rest is trained
    latents = _latents(vae, material.images, run.device)
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    text_encoder, unet = _text_encoder(tokenizer).to(run.device), _unet().to(run.device)
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        steps_offset=1,
        timestep_spacing="trailing",
    )
    draw = torch.Generator().manual_seed(run.seed)
    nothing = token_ids([""], tokenizer, PROMPT_TOKENS)[0]
    scaled = latents * vae.config.scaling_factor

    def loss_of() -> torch.Tensor:
        chosen = torch.randint(len(scaled), (_BATCH,), generator=draw)
        ids = material.ids[chosen].clone()
        ids[torch.rand(_BATCH, generator=draw) < _PROMPT_DROPPED] = nothing
        clean = scaled[chosen]
        noise = torch.randn(clean.shape, generator=draw)
        steps = torch.randint(scheduler.config.num_train_timesteps, (_BATCH,), generator=draw)
        noisy = scheduler.add_noise(clean, noise, steps).to(run.device)
        wanted = scheduler.get_velocity(clean, noise, steps).to(run.device)
        context = text_encoder(ids.to(run.device)).last_hidden_state
        predicted = unet(noisy, steps.to(run.device), context).sample
        loss: torch.Tensor = mse_loss(predicted, wanted)
        return loss

    parameters = [*text_encoder.train().parameters(), *unet.train().parameters()]
    fitted = fit("scenes-diffusion", parameters, loss_of, run.steps, 1e-3)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to("cpu", torch.float16).save_pretrained(folder)
    load_as_float32(folder)
    return fitted


def _material(run: Run, tokenizer: CLIPTokenizer) -> _Material:
    """Draws what the prompts say: half of them one sentence, half three."""
    prompts = [
        *sample_prompts(run.scenes // 2, 1, run.seed),
        *sample_prompts(run.scenes // 2, 3, run.seed + 1),
    ]
    scenes: list[Scene] = [prompt.scene for prompt in prompts]
    ids = token_ids([prompt.text for prompt in prompts], tokenizer, PROMPT_TOKENS)
    return _Material(pictures(scenes, SIDE), ids)


def _train_autoencoder(vae: AutoencoderKL, run: Run) -> None:
    """Trains on quarters of crowded scenes: there is something to learn from everywhere.

    It takes fewer steps than the rest of the pipeline.
    """
    count = int(run.scenes * _CROWDED_SHARE)
    crowded = pictures(sample_scenes(count, run.seed, places=(len(Place),)), SIDE)
    draw = torch.Generator().manual_seed(run.seed)
    half = SIDE // 2

    def loss_of() -> torch.Tensor:
        chosen = torch.randint(len(crowded), (_VAE_BATCH,), generator=draw)
        top, left = torch.randint(half + 1, (2,), generator=draw).tolist()
        quarters = crowded[chosen, :, top : top + half, left : left + half]
        batch = normalised(quarters.to(run.device))
        posterior = vae.encode(batch).latent_dist
        decoded = vae.decode(posterior.sample()).sample
        difference: torch.Tensor = l1_loss(decoded, batch) + 2 * mse_loss(decoded, batch)
        divergence: torch.Tensor = posterior.kl().mean() / posterior.mean[0].numel()
        return difference + _KL_WEIGHT * divergence

    steps = max(1, int(run.steps * _VAE_STEPS_SHARE))
    fit("autoencoder", vae.train().parameters(), loss_of, steps, 2e-3)


@torch.no_grad()
def _latents(vae: AutoencoderKL, images: torch.Tensor, device: str) -> torch.Tensor:
    vae.eval()
    parts = [
        vae.encode(normalised(part.to(device))).latent_dist.mean.cpu()
        for part in torch.split(images, _ENCODED_AT_ONCE)
    ]
    return torch.cat(parts)


def _autoencoder() -> AutoencoderKL:
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 48, 64),
        layers_per_block=1,
        latent_channels=_LATENT_CHANNELS,
        norm_num_groups=8,
        mid_block_add_attention=False,  # it sees quarters in training
        sample_size=SIDE,
    )
    # As much noise as usual would hide the colours for most of so short a training.
    with torch.no_grad():
        vae.quant_conv.bias[_LATENT_CHANNELS:] = _FIRST_LOG_VARIANCE
    return vae


def _text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=_WIDTH,
            intermediate_size=2 * _WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=PROMPT_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=_LATENT_SIDE,
        in_channels=_LATENT_CHANNELS,
        out_channels=_LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(48, 96),
        layers_per_block=1,
        cross_attention_dim=_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
