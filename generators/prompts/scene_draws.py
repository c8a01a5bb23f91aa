"""What a scene is to hold, drawn from a seed: the same seed and lists give the same scenes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alignbench.schemas import ids

DIRECTIONS: Final = (
    "to the left",
    "to the right",
    "up",
    "down",
    "towards the viewer",
    "away from the viewer",
    "at the thing on the left",
    "at the thing on the right",
)
BACKGROUNDS: Final = (
    "a busy city street",
    "a quiet beach",
    "a forest in autumn",
    "a kitchen",
    "a living room",
    "a mountain valley",
    "a market square",
    "a workshop",
    "a snowy field",
    "a park with a pond",
    "a library",
    "a harbour",
)
COUNTS: Final = ("two", "three", "four", "five")


@dataclass(frozen=True, slots=True)
class SceneDraw:
    """One scene to be described.

    Attributes:
        number: Its place among the draws, from 0.
        seed: For the model that describes it.
        concepts: What is in it; the first is on the left, the second on the right, and the last is
            there several times.
        count: How many there are of the last.
        direction: Where something looks or points.
        background: What is behind it all.
    """

    number: int
    seed: int
    concepts: tuple[str, ...]
    count: str
    direction: str
    background: str

    def instruction(self, template: str) -> str:
        """Returns the template with this scene put into it."""
        return template.format(
            concepts=", ".join(self.concepts),
            left=self.concepts[0],
            right=self.concepts[1],
            counted=self.concepts[-1],
            count=self.count,
            direction=self.direction,
            background=self.background,
        )


def draw_scene(number: int, seed: int, concepts: Sequence[str], size: int) -> SceneDraw:
    """Draws a scene; each number has a random generator of its own.

    Args:
        number: The draw.
        seed: Of all draws.
        concepts: What to choose from, at least `size`.
        size: How many concepts a scene has, 2 or more.
    """
    own_seed = ids.item_seed(ids.derive_id("scene", seed, number))
    chance = random.Random(own_seed)  # noqa: S311 - a draw that can be repeated is what is wanted
    return SceneDraw(
        number,
        own_seed,
        tuple(chance.sample(concepts, size)),
        chance.choice(COUNTS),
        chance.choice(DIRECTIONS),
        chance.choice(BACKGROUNDS),
    )
