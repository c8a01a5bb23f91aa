"""Draws a scene: 256 by 256 pixels, flat colours on a plain background, nothing smoothed."""

import io
import math
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from alignbench.scenes.lettering import word_dots
from alignbench.scenes.scene import (
    FRAME,
    Arrow,
    Colour,
    Group,
    Heading,
    Place,
    Scene,
    Shape,
    Size,
    Word,
)

BACKGROUND = (244, 244, 240)
BLACK = (20, 20, 20)
PALETTE: dict[Colour, tuple[int, int, int]] = {
    Colour.BLUE: (40, 80, 220),
    Colour.GREEN: (30, 150, 60),
    Colour.PURPLE: (150, 50, 180),
    Colour.RED: (220, 40, 40),
    Colour.YELLOW: (245, 200, 30),
}
DIAMETERS: dict[Size, int] = {Size.SMALL: 30, Size.LARGE: 52}
"""Width and height of a shape in pixels."""
_GAP = 8
_DOT = 8
_JITTER = 4
_ARROW_LENGTH = 80
_ARROW_HEAD = 36
_ARROW_HALF_WIDTH = 26
_SHAFT_HALF_WIDTH = 8


class _Point(NamedTuple):
    x: float
    y: float


def draw_scene(scene: Scene) -> Image.Image:
    """Draws a scene in RGB; the same scene gives the same pixels."""
    image = Image.new("RGB", (FRAME, FRAME), BACKGROUND)
    canvas = ImageDraw.Draw(image)
    rng = Random(scene.seed)  # noqa: S311 (simulation, not cryptography)
    for thing in scene.things:
        middle = _jittered(_middle(thing.place), rng)
        match thing:
            case Group():
                for centre in _centres(thing, middle):
                    _draw_shape(canvas, thing, centre)
            case Arrow():
                canvas.polygon(_arrow(thing.heading, middle), fill=BLACK)
            case Word():
                _draw_word(canvas, thing.text, middle)
    return image


def png(scene: Scene) -> bytes:
    """Draws a scene as a PNG file's bytes."""
    file = io.BytesIO()
    draw_scene(scene).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _middle(place: Place) -> _Point:
    return _Point(FRAME * (1 + 2 * place.column) / 4, FRAME * (1 + 2 * place.row) / 4)


def _jittered(point: _Point, rng: Random) -> _Point:
    return _Point(
        point.x + rng.randint(-_JITTER, _JITTER), point.y + rng.randint(-_JITTER, _JITTER)
    )


def _centres(group: Group, middle: _Point) -> list[_Point]:
    """Places one shape in the middle, two side by side, three as two above one."""
    half = (DIAMETERS[group.size] + _GAP) / 2
    x, y = middle
    if group.count == 1:
        return [middle]
    if group.count == 2:
        return [_Point(x - half, y), _Point(x + half, y)]
    return [_Point(x - half, y - half), _Point(x + half, y - half), _Point(x, y + half)]


def _draw_shape(canvas: ImageDraw.ImageDraw, group: Group, centre: _Point) -> None:
    radius, colour = DIAMETERS[group.size] / 2, PALETTE[group.colour]
    x, y = centre
    left, top, right, bottom = x - radius, y - radius, x + radius - 1, y + radius - 1
    match group.shape:
        case Shape.CIRCLE:
            canvas.ellipse((left, top, right, bottom), fill=colour)
        case Shape.SQUARE:
            canvas.rectangle((left, top, right, bottom), fill=colour)
        case Shape.TRIANGLE:
            canvas.polygon([(x, top), (right, bottom), (left, bottom)], fill=colour)
        case Shape.CROSS:
            arm = radius / 3
            canvas.rectangle((left, y - arm, right, y + arm - 1), fill=colour)
            canvas.rectangle((x - arm, top, x + arm - 1, bottom), fill=colour)


def _arrow(heading: Heading, middle: _Point) -> list[tuple[float, float]]:
    neck = _ARROW_LENGTH / 2 - _ARROW_HEAD
    pointing_right = [
        (-_ARROW_LENGTH / 2, -_SHAFT_HALF_WIDTH),
        (neck, -_SHAFT_HALF_WIDTH),
        (neck, -_ARROW_HALF_WIDTH),
        (_ARROW_LENGTH / 2, 0),
        (neck, _ARROW_HALF_WIDTH),
        (neck, _SHAFT_HALF_WIDTH),
        (-_ARROW_LENGTH / 2, _SHAFT_HALF_WIDTH),
    ]
    quarter_turns = [Heading.RIGHT, Heading.DOWN, Heading.LEFT, Heading.UP].index(heading)
    cosine, sine = (
        round(math.cos(quarter_turns * math.pi / 2)),
        round(math.sin(quarter_turns * math.pi / 2)),
    )
    return [
        (middle.x + x * cosine - y * sine, middle.y + x * sine + y * cosine)
        for x, y in pointing_right
    ]


def _draw_word(canvas: ImageDraw.ImageDraw, text: str, middle: _Point) -> None:
    dots = word_dots(text)
    left, top = middle.x - dots.shape[1] * _DOT / 2, middle.y - dots.shape[0] * _DOT / 2
    for row, column in np.argwhere(dots).tolist():
        x, y = left + column * _DOT, top + row * _DOT
        canvas.rectangle((x, y, x + _DOT - 1, y + _DOT - 1), fill=BLACK)
