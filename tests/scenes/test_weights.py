"""The weights that come with the package: whole, small, and loaded as any other model is."""

import hashlib
import tomllib
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors import safe_open
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
)

from alignbench import scenes
from alignbench.scenes.claims import read_sentence
from alignbench.scenes.describing import caption
from alignbench.scenes.drawing import draw_scene
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.training.recipes import RECIPES

WEIGHTS = Path(scenes.__path__[0]) / "weights"
SCENE = next(iter(sample_scenes(1, seed=2_000_001)))
IMAGE = draw_scene(SCENE)
MOST_BYTES = 15_000_000


def test_the_files_are_those_of_the_checksums() -> None:
    lines = (WEIGHTS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    recorded = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.relative_to(WEIGHTS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in WEIGHTS.glob("*/**/*")
        if path.is_file()
    }
    assert found == recorded


def test_all_weights_are_small_and_in_sixteen_bits() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*")) <= MOST_BYTES
    for path in WEIGHTS.rglob("*.safetensors"):
        with safe_open(path, framework="pt") as tensors:
            kinds = {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118
        assert kinds == {"F16"}


def test_every_recipe_has_its_model_card_and_catalog_entry() -> None:
    listed = tomllib.loads((WEIGHTS.parent / "catalog.toml").read_text(encoding="utf-8"))["models"]
    folders = {path.name for path in WEIGHTS.iterdir() if path.is_dir()}
    assert folders == set(RECIPES) == {entry["name"] for entry in listed}
    for entry in listed:
        assert entry["repo"] == f"package:scenes/weights/{entry['name']}"
        card = (WEIGHTS / entry["name"] / "README.md").read_text(encoding="utf-8")
        assert f"scenes.train {entry['name']}" in card


@pytest.mark.parametrize("name", ["scenes-blip", "scenes-ved"])
def test_a_captioner_describes_a_scene(name: str) -> None:
    folder = WEIGHTS / name
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    assert model.dtype is torch.float32
    inputs = processor(images=[IMAGE], return_tensors="pt")
    tokens = model.generate(**inputs, max_new_tokens=71)
    (text,) = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    sentences = [f"{part}." for part in text.removesuffix(".").split(". ")]
    assert len(sentences) == len(SCENE.things) + 1
    assert any(read_sentence(sentence) for sentence in sentences)


def test_the_pipeline_draws_what_depends_on_prompt_and_seed_alone() -> None:
    pipeline = DiffusionPipeline.from_pretrained(WEIGHTS / "scenes-diffusion")
    pipeline.set_progress_bar_config(disable=True)
    prompts = [
        "There is a large red circle in the top left.",
        "An arrow in the top left points up.",
    ]

    def draw(prompt: str, seed: int) -> bytes:
        generator = torch.Generator("cpu").manual_seed(seed)
        drawn = pipeline(prompt, num_inference_steps=4, generator=generator).images[0]
        assert drawn.size == (64, 64)
        return bytes(drawn.tobytes())

    images = [draw(prompts[0], 1), draw(prompts[0], 1), draw(prompts[0], 2), draw(prompts[1], 1)]
    assert images[0] == images[1]
    assert len(set(images)) == 3


def test_clip_prefers_the_caption_of_the_scene() -> None:
    processor = AutoProcessor.from_pretrained(WEIGHTS / "scenes-clip")
    model = AutoModel.from_pretrained(WEIGHTS / "scenes-clip")
    texts = [caption(SCENE), *map(caption, sample_scenes(3, seed=7))]
    inputs = processor(images=[IMAGE], text=texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**inputs).logits_per_image
    assert int(logits.argmax()) == 0
