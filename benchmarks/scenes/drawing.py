"""How many prompts are true of the images that are made from them, by the pixel oracle."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alignbench.generators.image_generators.in_process import (
    DiffusersImageGenerator,
    DiffusersOptions,
    DiffusersParams,
)
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.prompts import sample_prompts
from alignbench.schemas.configuration.catalog import catalog
from alignbench.schemas.protocols import GeneratedImage
from alignbench.schemas.vocabulary import Verdict
from benchmarks.scenes.figures import share, show

BATCH = 50
NAME = "scenes-diffusion"


def print_images(folder: Path, count: int, seed: int) -> None:
    """Makes images with the catalog's parameters, and judges them by their own prompt and another.

    A sentence counts as true if the oracle says so, not if it cannot tell.
    """
    params = DiffusersParams.model_validate(catalog()[NAME].params)
    generator = DiffusersImageGenerator(
        str(folder), None, DiffusersOptions(forward_batch=BATCH), params
    )
    for length in (1, 3):
        prompts = [prompt.text for prompt in sample_prompts(count, length, seed + length)]
        images = [_data(image) for image in generator.generate(prompts, range(count))]
        own = _judged(images, prompts)
        shuffled = _judged(images, [*prompts[1:], prompts[0]])
        kind = f"prompts of {length} sentence{'s' if length > 1 else ''}"
        show(f"{NAME}, {kind}: true of their images", own, _all_true)
        show(f"{NAME}, {kind}: true of another's image", shuffled, _all_true)
        show(f"{NAME}, {kind}: sentences that the oracle cannot decide", own, _undecided)
        if length > 1:
            true = share(lambda verdict: verdict is Verdict.CORRECT)
            show(f"{NAME}, {kind}: single sentences that are true", own, true)


def _judged(images: Sequence[bytes], prompts: Sequence[str]) -> list[list[Verdict]]:
    return [
        [truth_of(image, sentence).verdict for sentence in re.split(r"(?<=\.)\s+", prompt)]
        for image, prompt in zip(images, prompts, strict=True)
    ]


def _all_true(units: Sequence[Sequence[Verdict]]) -> float:
    return float(np.mean([all(one is Verdict.CORRECT for one in unit) for unit in units]))


_undecided = share(lambda verdict: verdict is Verdict.UNKNOWN)


def _data(answer: object) -> bytes:
    if not isinstance(answer, GeneratedImage):
        raise SystemExit(f"The image generator failed: {answer}")
    return answer.data
