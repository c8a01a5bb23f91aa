"""Texts to make images from, each with a scene that it says all of.

A prompt of one sentence is a random sentence of a two-thing scene; one of three is all of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import NamedTuple

from alignbench.scenes.describing import describe
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.scene import Scene


class ScenePrompt(NamedTuple):
    """A prompt, and a scene that holds what it speaks of and nothing else."""

    text: str
    scene: Scene


def sample_prompts(count: int, sentences: int, seed: int) -> Iterator[ScenePrompt]:
    """Gives random prompts; the same seed gives the same ones.

    Args:
        count: How many.
        sentences: Length of each, 1 or 3.
        seed: Where randomness starts.

    Raises:
        ValueError: For another length.
    """
    if sentences not in (1, 3):
        raise ValueError(f"A prompt has one sentence or three, not {sentences}")
    rng = Random(seed)  # noqa: S311 (simulation, not cryptography)
    for scene in sample_scenes(count, seed, places=(2,)):
        said = describe(scene)
        if sentences == len(said):
            yield ScenePrompt(" ".join(said), scene)
            continue
        chosen = rng.randrange(len(said))
        alone = chosen < len(scene.things)
        shown = replace(scene, things=(scene.things[chosen],)) if alone else scene
        yield ScenePrompt(said[chosen], shown)
