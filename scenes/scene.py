"""A drawn scene as data: two to five things on a plain background, and where each of them is.

The frame has four places, its quarters. Each holds at most one thing: a group of equal shapes, an
arrow or a word. Everything that a caption can say of a scene is a field here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

FRAME = 256
"""Width and height of a drawn image in pixels."""
WORDS = ("BUS", "CAT", "DOG", "HAT", "PIE", "TOY")
"""The words that stand in scenes."""
MAX_COUNT = 3
"""The most shapes in a group."""


class Place(StrEnum):
    """A quarter of the frame, in reading order."""

    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"

    @property
    def row(self) -> int:
        """0 at the top, 1 at the bottom."""
        return int(self.value.startswith("bottom"))

    @property
    def column(self) -> int:
        """0 at the left, 1 at the right."""
        return int(self.value.endswith("right"))


class Shape(StrEnum):
    """What a drawn thing is."""

    CIRCLE = "circle"
    CROSS = "cross"
    SQUARE = "square"
    TRIANGLE = "triangle"


class Colour(StrEnum):
    """What colour a shape has. Arrows and words are black."""

    BLUE = "blue"
    GREEN = "green"
    PURPLE = "purple"
    RED = "red"
    YELLOW = "yellow"


class Size(StrEnum):
    """How large a shape is."""

    SMALL = "small"
    LARGE = "large"


class Heading(StrEnum):
    """Where an arrow points."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Group:
    """One to three shapes that are alike and stand together."""

    count: int
    size: Size
    colour: Colour
    shape: Shape
    place: Place


@dataclass(frozen=True, slots=True)
class Arrow:
    """A black arrow."""

    heading: Heading
    place: Place


@dataclass(frozen=True, slots=True)
class Word:
    """A word in black capitals."""

    text: str
    place: Place


Thing: TypeAlias = Group | Arrow | Word


@dataclass(frozen=True, slots=True)
class Scene:
    """What an image shows.

    Attributes:
        things: In reading order of their places, no two in one place.
        seed: Decides by how much each thing is moved from the middle of its place when drawn.

    Raises:
        ValueError: If things are out of order or share a place.
    """

    things: tuple[Thing, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        order = [list(Place).index(thing.place) for thing in self.things]
        if order != sorted(set(order)):
            raise ValueError(f"The things of a scene are out of order or share a place: {order}")

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of shapes, in reading order."""
        return tuple(thing for thing in self.things if isinstance(thing, Group))
