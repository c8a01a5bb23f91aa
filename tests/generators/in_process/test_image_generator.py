"""A text-to-image pipeline is loaded from its files, and draws each image from its own seed."""

import inspect
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageChops
from safetensors.torch import load_file, save_file

from alignbench.generators.image_generators.in_process import (
    DiffusersImageGenerator,
    DiffusersOptions,
    DiffusersParams,
)
from alignbench.models.errors import (
    IncompleteWeightsError,
    ModelNotFoundError,
    PickledWeightsError,
    UnsupportedModelError,
)
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import GeneratedImage, ImageRequest, ItemFailure
from tests.fixtures.tiny_pipelines import PARAMS, PIPELINES, save_pipeline

PROMPTS = ["A red square.", "A blue circle.", "Two green stars."]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline("stable-diffusion", tmp_path_factory.mktemp("diffusion"))


def generator(folder: Path, batch: int = 4, **params: object) -> DiffusersImageGenerator:
    sent = DiffusersParams.model_validate({"num_inference_steps": 2, **params})
    return DiffusersImageGenerator(str(folder), None, DiffusersOptions(forward_batch=batch), sent)


def pngs(answers: list[GeneratedImage | ItemFailure]) -> list[bytes]:
    assert all(isinstance(answer, GeneratedImage) for answer in answers)
    return [answer.data for answer in answers if isinstance(answer, GeneratedImage)]


@pytest.mark.parametrize("architecture", PIPELINES)
def test_every_architecture_is_loaded_and_draws_each_image_from_its_own_seed(
    architecture: str, tmp_path: Path
) -> None:
    saved = save_pipeline(architecture, tmp_path / architecture)
    params = PARAMS.get(architecture, {})
    together = pngs(generator(saved, **params).generate(PROMPTS, [1, 2, 3]))
    assert together == pngs(generator(saved, **params).generate(PROMPTS, [1, 2, 3]))
    assert len(set(together)) == 3
    assert all(Image.open(io.BytesIO(image)).size == (32, 32) for image in together)
    alone = pngs(generator(saved, batch=1, **params).generate(PROMPTS, [1, 2, 3]))
    assert max(map(difference, together, alone)) <= 1


def difference(left: bytes, right: bytes) -> int:
    """Returns the largest difference of a channel of a pixel, of 255."""
    pictures = [Image.open(io.BytesIO(data)) for data in (left, right)]
    return max(high for _, high in ImageChops.difference(*pictures).getextrema())


def test_a_stream_gives_the_bytes_of_single_batches_each_in_its_place(folder: Path) -> None:
    model = generator(folder, batch=2)
    requests = [ImageRequest(PROMPTS[seed % 3], seed) for seed in range(5)]
    streamed = list(model.generate_stream(iter(requests)))
    assert [place for place, _ in streamed] == list(range(5))
    batches = [requests[:2], requests[2:4], requests[4:]]
    alone = [
        answer
        for batch in batches
        for answer in model.generate([r.prompt for r in batch], [r.seed for r in batch])
    ]
    assert pngs([answer for _, answer in streamed]) == pngs(alone)
    sizes = [answer.engine["batch"] for _, answer in streamed if isinstance(answer, GeneratedImage)]
    assert sizes == [2, 2, 2, 2, 1]


def test_prompts_are_taken_a_few_batches_ahead_and_closing_ends_the_threads(folder: Path) -> None:
    taken: list[int] = []

    def requests() -> Iterator[ImageRequest]:
        for number in range(100):
            taken.append(number)
            yield ImageRequest(PROMPTS[0], number)

    before = threading.active_count()
    stream = generator(folder, batch=2).generate_stream(requests())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert len(taken) <= 8
    assert threading.active_count() == before


def test_an_image_depends_on_its_prompt_and_its_seed(folder: Path) -> None:
    model = generator(folder)
    one, other_prompt, other_seed = pngs(
        model.generate([PROMPTS[0], PROMPTS[1], PROMPTS[0]], [1, 1, 2])
    )
    assert one not in (other_prompt, other_seed)


def test_the_lineage_names_the_stack_and_the_batch(folder: Path) -> None:
    [few], [many] = (generator(folder, n).generate(PROMPTS[:1], [1]) for n in (1, 4))
    assert isinstance(few, GeneratedImage)
    assert isinstance(many, GeneratedImage)
    assert set(few.engine) >= {"diffusers", "torch", "device", "dtype", "pipeline"}
    assert {n for n in few.engine if few.engine[n] != many.engine[n]} == {"forward_batch"}


def test_a_prompt_that_is_longer_than_the_encoder_sees_is_marked(folder: Path) -> None:
    answers = generator(folder).generate(["Short.", "long " * 60], [1, 2])
    cut = [
        answer.engine["prompt_is_cut"] for answer in answers if isinstance(answer, GeneratedImage)
    ]
    assert cut == [False, True]


def test_an_image_that_the_safety_checker_blanked_is_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = generator(folder)
    # The checker is a network of its own, which no tiny model has.
    monkeypatch.setattr(
        model._pipeline, "run_safety_checker", lambda image, *_: (image, [False, True])
    )
    first, second = model.generate(PROMPTS[:2], [1, 2])
    assert isinstance(first, GeneratedImage)
    assert isinstance(second, ItemFailure)
    assert second.code == ItemCode.IMAGE_BLANKED


def test_a_parameter_that_the_pipeline_does_not_have_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="StableDiffusionPipeline has no parameter"):
        generator(folder, use_resolution_binning=False)


def test_a_negative_prompt_changes_the_image(folder: Path) -> None:
    plain, negative = (
        pngs(generator(folder, guidance_scale=7.5, **more).generate(PROMPTS, [1, 2, 3]))
        for more in ({}, {"negative_prompt": "blurry"})
    )
    assert plain != negative


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_pipeline("stable-diffusion", tmp_path / "pickled")
    for weights in folder.rglob("*.safetensors"):
        weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(PickledWeightsError):
        generator(folder)


def test_a_folder_that_is_no_pipeline_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"")
    with pytest.raises(ModelNotFoundError, match="cannot be loaded"):
        generator(tmp_path)


@pytest.fixture(scope="session")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pipeline("flux", tmp_path_factory.mktemp("flux"))


@pytest.mark.parametrize("part", ["vae", "text_encoder"])
def test_weights_that_are_missing_from_a_part_are_named(tmp_path: Path, part: str) -> None:
    folder = save_pipeline("stable-diffusion", tmp_path)
    [path] = (folder / part).glob("*.safetensors")
    tensors = load_file(path)
    for name in sorted(tensors)[:3]:
        del tensors[name]
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(IncompleteWeightsError, match=rf"part '{part}', .* 3 tensors missing: "):
        generator(folder)


def test_a_negative_prompt_that_changes_nothing_is_refused(flux: Path) -> None:
    """Flux takes one, and heeds it only when asked twice over."""
    small = {"height": 32, "width": 32, "negative_prompt": "A dog."}
    with pytest.raises(ConfigError, match="negative_prompt changes nothing"):
        generator(flux, **small)
    assert generator(flux, **small, true_cfg_scale=4.0).findings.without_effect == ()


def test_a_parameter_that_changes_nothing_is_told_in_the_lineage(flux: Path) -> None:
    model = generator(flux, height=32, width=32, guidance_scale=0.0)
    [answer] = model.generate(PROMPTS[:1], [1])
    assert isinstance(answer, GeneratedImage)
    assert answer.engine["params_without_effect"] == ["guidance_scale"]


@pytest.mark.parametrize(("words", "cut"), [(5, []), (20, ["tokenizer_2"]), (90, None)])
def test_each_encoders_own_limit_says_whether_a_prompt_is_cut(
    flux: Path, words: int, cut: list[str] | None
) -> None:
    """Each word is two tokens; the second encoder is told to read 16, the first one reads 77."""
    model = generator(flux, height=32, width=32, max_sequence_length=16)
    [answer] = model.generate(["a " * words], [1])
    assert isinstance(answer, GeneratedImage)
    assert answer.engine.get("prompt_is_cut_by", []) == (
        ["tokenizer", "tokenizer_2"] if cut is None else cut
    )
    assert answer.engine["prompt_is_cut"] is (cut is None)


def test_a_pipeline_that_needs_an_image_is_refused(tmp_path: Path) -> None:
    folder = save_pipeline("stable-diffusion", tmp_path)
    index = folder / "model_index.json"
    index.write_text(
        index.read_text().replace("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
    )
    with pytest.raises(UnsupportedModelError, match=r"Img2ImgPipeline.*from a prompt alone"):
        generator(folder)


def test_a_pipeline_that_draws_otherwise_in_a_batch_draws_one_at_a_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CogView4 does, whose prompts are padded to the longest of a batch; here a broken one."""
    plain = StableDiffusionPipeline.__call__

    def dependent(self: StableDiffusionPipeline, *, prompt: list[str], **sent: Any) -> Any:
        return plain(self, prompt=[max(prompt, key=len)] * len(prompt), **sent)

    dependent.__signature__ = inspect.signature(plain)  # type: ignore[attr-defined]
    monkeypatch.setattr(StableDiffusionPipeline, "__call__", dependent)
    assert generator(folder, batch=4).forward_batch == 1
