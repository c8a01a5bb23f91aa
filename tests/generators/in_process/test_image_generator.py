"""A text-to-image pipeline is loaded from its files, and draws each image from its own seed."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from alignbench.generators.image_generators.in_process import (
    DiffusersImageGenerator,
    DiffusersOptions,
    DiffusersParams,
)
from alignbench.models.errors import ModelNotFoundError, PickledWeightsError
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
