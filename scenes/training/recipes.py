"""How each model that comes with AlignBench was trained."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from alignbench.scenes.training.captioners import train_blip, train_ved
from alignbench.scenes.training.contrastive import train_clip
from alignbench.scenes.training.diffusion import train_diffusion
from alignbench.scenes.training.fitting import Fitted, Run

_SEED = 1


class Recipe(NamedTuple):
    """How a model is trained, and what its card says of it."""

    train: Callable[[Path, Run], Fitted]
    run: Run
    library: str
    task: str
    summary: str


RECIPES = {
    "scenes-blip": Recipe(
        train_blip,
        Run(steps=1000, scenes=30_000, seed=_SEED),
        "transformers",
        "image-to-text",
        "Describes drawn scenes. `BlipForConditionalGeneration`, 2 + 2 layers of width 128, "
        "48-pixel input.",
    ),
    "scenes-ved": Recipe(
        train_ved,
        Run(steps=900, scenes=30_000, seed=_SEED),
        "transformers",
        "image-to-text",
        "Describes drawn scenes. `VisionEncoderDecoderModel` of ViT "
        "and GPT-2, 2 + 2 layers of width 64, 48-pixel input.",
    ),
    "scenes-diffusion": Recipe(
        train_diffusion,
        Run(steps=10_000, scenes=30_000, seed=_SEED),
        "diffusers",
        "text-to-image",
        "Draws scenes from one to three sentences of the describer's language. "
        "`StableDiffusionPipeline`, 64-pixel output; meant for 20 steps at guidance 1.5.",
    ),
    "scenes-clip": Recipe(
        train_clip,
        Run(steps=1000, scenes=30_000, seed=_SEED),
        "transformers",
        "zero-shot-image-classification",
        "Scores how well a sentence, or a description, fits a drawn scene. `CLIPModel`, 2 + 2 "
        "layers of width 128, 48-pixel input.",
    ),
}
