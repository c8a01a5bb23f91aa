"""Every pipeline draws each picture from its own prompt and seed, alone as in a batch."""

import io

import pytest
from PIL import Image, ImageChops

from alignbench.generators.image_generators.in_process import (
    DiffusersImageGenerator,
    DiffusersOptions,
    DiffusersParams,
)
from alignbench.schemas.protocols import GeneratedImage
from tests.models.families.conftest import Folders, Outcomes
from tests.models.families.page import DRAWS
from tests.models.families.pipelines import PIPELINES, Pipeline

PROMPTS = ["A red square.", "A blue circle beside two stars."]
ROWS = [pytest.param(kind, id=kind.name, marks=pytest.mark.families) for kind in PIPELINES]


@pytest.mark.parametrize("kind", ROWS)
def test_a_picture_comes_from_its_prompt_and_its_seed(
    kind: Pipeline, folders: Folders, outcomes: Outcomes
) -> None:
    generator = DiffusersImageGenerator(
        str(folders.plain(kind)),
        None,
        DiffusersOptions(device="cpu"),
        DiffusersParams.model_validate({"num_inference_steps": 2, **kind.params}),
    )

    def drawn(*asked: tuple[int, int]) -> list[Image.Image]:
        """The pictures of prompts, by their places, and seeds, in one batch."""
        answers = generator.generate([PROMPTS[place] for place, _ in asked], [s for _, s in asked])
        assert all(isinstance(answer, GeneratedImage) for answer in answers), answers
        return [
            Image.open(io.BytesIO(answer.data))
            for answer in answers
            if isinstance(answer, GeneratedImage)
        ]

    first, second = drawn((0, 1), (1, 2))
    assert first.size == (32, 32)
    [again], [other_prompt], [other_seed] = drawn((0, 1)), drawn((1, 1)), drawn((0, 2))
    assert _difference(first, again) <= kind.batch_changes_pixels
    assert _difference(second, drawn((1, 2))[0]) <= kind.batch_changes_pixels
    assert _difference(again, other_prompt) > 0
    assert _difference(again, other_seed) > 0
    outcomes.add(kind.name, DRAWS)


def _difference(left: Image.Image, right: Image.Image) -> int:
    """Returns the largest difference of a channel of a pixel, of 255."""
    return max(high for _, high in ImageChops.difference(left, right).getextrema())
