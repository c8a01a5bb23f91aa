"""Two captioners, of different architecture and capacity, that learn canonical descriptions."""

from pathlib import Path

import torch
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessorPil,
    BlipProcessor,
    GenerationConfig,
    GPT2Config,
    PreTrainedModel,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessorPil,
)

from alignbench.scenes.describing import caption
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.training.fitting import Fitted, Run, fit
from alignbench.scenes.training.material import (
    IGNORED,
    normalised,
    pictures,
    token_ids,
    without_padding,
)
from alignbench.scenes.training.saving import load_as_float32
from alignbench.scenes.training.vocabulary import CONTEXT, cased_tokenizer

_HALF = [0.5, 0.5, 0.5]
_BATCH = 64


def train_blip(folder: Path, run: Run) -> Fitted:
    """Trains the captioner `scenes-blip` and saves it in `folder`."""
    side = 48
    tokenizer = cased_tokenizer()
    model = BlipForConditionalGeneration(
        BlipConfig(
            vision_config={
                "image_size": side,
                "patch_size": 8,
                "hidden_size": 128,
                "intermediate_size": 512,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
            },
            text_config={
                "vocab_size": len(tokenizer),
                "hidden_size": 128,
                "encoder_hidden_size": 128,
                "intermediate_size": 512,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "max_position_embeddings": CONTEXT,
                "bos_token_id": tokenizer.cls_token_id,
                "eos_token_id": tokenizer.sep_token_id,
                "sep_token_id": tokenizer.sep_token_id,
                "pad_token_id": tokenizer.pad_token_id,
                "hidden_dropout_prob": 0.0,
                "attention_probs_dropout_prob": 0.0,
            },
            projection_dim=64,
        )
    ).to(run.device)
    images, texts = _material(run, side)
    draw = torch.Generator().manual_seed(run.seed)

    def loss_of() -> torch.Tensor:
        chosen = torch.randint(len(images), (_BATCH,), generator=draw)
        ids = without_padding(texts[chosen], tokenizer.pad_token_id).to(run.device)
        with torch.autocast(run.device, torch.bfloat16):
            loss: torch.Tensor = model(
                pixel_values=normalised(images[chosen].to(run.device)),
                input_ids=ids,
                attention_mask=(ids != tokenizer.pad_token_id).long(),
                labels=ids.masked_fill(ids == tokenizer.pad_token_id, IGNORED),
            ).loss
        return loss.float()

    fitted = fit("scenes-blip", model.train().parameters(), loss_of, run.steps, 2e-3)
    processor = BlipImageProcessorPil(
        size={"height": side, "width": side}, image_mean=_HALF, image_std=_HALF
    )
    BlipProcessor(processor, tokenizer).save_pretrained(folder)
    _save(model, folder)
    return fitted


def train_ved(folder: Path, run: Run) -> Fitted:
    """Trains the captioner `scenes-ved` and saves it in `folder`."""
    side = 48
    tokenizer = cased_tokenizer()
    special = {
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        ViTConfig(
            image_size=side,
            patch_size=8,
            hidden_size=64,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
        ),
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=CONTEXT,
            n_embd=64,
            n_layer=2,
            n_head=4,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **special,
        ),
        decoder_start_token_id=tokenizer.cls_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
    model = VisionEncoderDecoderModel(config=config).to(run.device)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=tokenizer.cls_token_id, max_new_tokens=CONTEXT - 1, **special
    )
    images, texts = _material(run, side)
    draw = torch.Generator().manual_seed(run.seed)

    def loss_of() -> torch.Tensor:
        chosen = torch.randint(len(images), (_BATCH,), generator=draw)
        # The model puts the start token before the labels by itself.
        ids = without_padding(texts[chosen], tokenizer.pad_token_id)[:, 1:].to(run.device)
        loss: torch.Tensor = model(
            pixel_values=normalised(images[chosen].to(run.device)),
            labels=ids.masked_fill(ids == tokenizer.pad_token_id, IGNORED),
        ).loss
        return loss

    fitted = fit("scenes-ved", model.train().parameters(), loss_of, run.steps, 2e-3)
    ViTImageProcessorPil(
        size={"height": side, "width": side},
        image_mean=_HALF,
        image_std=_HALF,
        resample=3,
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _save(model, folder)
    return fitted


def _material(run: Run, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    sampled = list(sample_scenes(run.scenes, run.seed))
    ids = token_ids([caption(scene) for scene in sampled], cased_tokenizer(), CONTEXT)
    return pictures(sampled, side), ids


def _save(model: PreTrainedModel, folder: Path) -> None:
    model.to("cpu").half().eval().save_pretrained(folder)
    load_as_float32(folder)
