"""A CLIP that learns which description, or which sentence of one, goes with which scene."""

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

from alignbench.scenes.describing import caption, describe
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.training.fitting import Fitted, Run, fit
from alignbench.scenes.training.material import normalised, pictures, token_ids, without_padding
from alignbench.scenes.training.saving import load_as_float32
from alignbench.scenes.training.vocabulary import CONTEXT, clip_tokenizer

_SIDE = 48
_WIDTH = 128
_BATCH = 128
_HALF = [0.5, 0.5, 0.5]


def train_clip(folder: Path, run: Run) -> Fitted:
    """Trains `scenes-clip` and saves it in `folder`.

    Half of the batches hold whole descriptions and half single sentences. Other scenes of the batch
    are the only wrong answers it sees; a sentence that happens to be true of one counts as wrong.
    """
    tokenizer = clip_tokenizer(CONTEXT)
    layers = {
        "hidden_size": _WIDTH,
        "intermediate_size": 4 * _WIDTH,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
    }
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = CLIPModel(
        CLIPConfig(
            text_config={
                "vocab_size": len(tokenizer),
                "max_position_embeddings": CONTEXT,
                **layers,
                **special,
            },
            vision_config={"image_size": _SIDE, "patch_size": 8, **layers},
            projection_dim=64,
        )
    ).to(run.device)
    scenes = list(sample_scenes(run.scenes, run.seed))
    images = pictures(scenes, _SIDE)
    sentences = [describe(scene) for scene in scenes]
    whole = token_ids([caption(scene) for scene in scenes], tokenizer, CONTEXT)
    single = token_ids([one for said in sentences for one in said], tokenizer, CONTEXT)
    lengths = torch.tensor([len(said) for said in sentences])
    starts = lengths.cumsum(0) - lengths
    draw = torch.Generator().manual_seed(run.seed)

    def loss_of() -> torch.Tensor:
        chosen = torch.randint(len(images), (_BATCH,), generator=draw)
        one = starts[chosen] + (torch.rand(_BATCH, generator=draw) * lengths[chosen]).long()
        alone = torch.rand((), generator=draw) < 0.5
        ids = single[one] if alone else whole[chosen]
        ids = without_padding(ids, tokenizer.pad_token_id).to(run.device)
        loss: torch.Tensor = model(
            pixel_values=normalised(images[chosen].to(run.device)),
            input_ids=ids,
            return_loss=True,
        ).loss
        return loss

    fitted = fit("scenes-clip", model.train().parameters(), loss_of, run.steps, 1e-3)
    processor = CLIPImageProcessorPil(
        size={"height": _SIDE, "width": _SIDE},
        do_center_crop=False,
        image_mean=_HALF,
        image_std=_HALF,
    )
    CLIPProcessor(processor, tokenizer).save_pretrained(folder)
    model.to("cpu").half().eval().save_pretrained(folder)
    load_as_float32(folder)
    return fitted
