"""Reads a scene back from an image's pixels, and says of which places it is not sure.

Blobs of colour are compared with what the drawing itself makes of each shape, arrow and word. A
place is unreadable when something in it resembles nothing enough, or two things about equally, or
when there is more in it than one thing.
"""

import io
from functools import lru_cache
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image

from alignbench.scenes.drawing import DIAMETERS, draw_scene
from alignbench.scenes.scene import (
    FRAME,
    MAX_COUNT,
    WORDS,
    Arrow,
    Colour,
    Group,
    Heading,
    Place,
    Scene,
    Shape,
    Size,
    Thing,
    Word,
)
from alignbench.scenes.segmentation import GRID, SCALE, Blob, Mask, blobs, box_of, cropped, overlap

Name = TypeVar("Name", bound=str)

_DUST = 40
"""Blobs with fewer pixels of a drawn scene are overlooked."""
_SIDE = 32
_LEAST_OVERLAP = 0.62
_LEAST_LEAD = 0.06
_LEAST_PURITY = 0.96
_LEAST_STRENGTH = 0.58
_LARGEST_SKEW = 1.35
_SIZE_TOLERANCE = 0.26
_OVERHANG = 10
_BLURRED = 64
_TIMES_DRAWN = 4


class Reading(NamedTuple):
    """What an image shows, as far as it could be read."""

    things: tuple[Thing, ...]
    unreadable: tuple[Place, ...]


def read_pixels(picture: bytes) -> Reading:
    """Reads a picture file. Its size does not matter; the whole frame must be in it."""
    with Image.open(io.BytesIO(picture)) as image:
        return read_image(image)


def read_image(image: Image.Image) -> Reading:
    """Reads an image."""
    found = [blob for blob in blobs(image) if blob.area >= _DUST]
    things: list[Thing] = []
    unreadable: list[Place] = []
    for place in Place:
        here = [blob for blob in found if _place(blob.mask) == place]
        if not here:
            continue
        thing = _thing(here, place)
        if thing is None:
            unreadable.append(place)
        else:
            things.append(thing)
    return Reading(tuple(things), tuple(unreadable))


def _place(mask: Mask) -> Place:
    rows, columns = np.nonzero(mask)
    row, column = int(rows.mean() >= GRID / 2), int(columns.mean() >= GRID / 2)
    return next(place for place in Place if (place.row, place.column) == (row, column))


def _thing(here: list[Blob], place: Place) -> Thing | None:
    if len({blob.colour for blob in here}) > 1 or not all(map(_is_clear, here)):
        return None
    if any(_overhang(blob.mask, place) > _OVERHANG for blob in here):
        return None
    colour = here[0].colour
    if colour is None:
        return _black_thing(np.logical_or.reduce([blob.mask for blob in here]), place)
    return _group(here, colour, place)


def _is_clear(blob: Blob) -> bool:
    return blob.purity >= _LEAST_PURITY and blob.strength >= _LEAST_STRENGTH


def _overhang(mask: Mask, place: Place) -> int:
    """Gives by how many pixels of a drawn scene a mask reaches into another place."""
    box, half = box_of(mask), GRID // 2
    across = half - box.left if place.column else box.right - half
    down = half - box.top if place.row else box.bottom - half
    return max(across, down) * SCALE


def _group(here: list[Blob], colour: Colour, place: Place) -> Group | None:
    kinds = {(_size(blob.mask), _shape(blob.mask)) for blob in here}
    if len(kinds) > 1 or len(here) > MAX_COUNT:
        return None
    size, shape = kinds.pop()
    if size is None or shape is None:
        return None
    return Group(len(here), size, colour, shape, place)


def _size(mask: Mask) -> Size | None:
    box = box_of(mask)
    if max(box.width, box.height) > _LARGEST_SKEW * min(box.width, box.height):
        return None
    diameter = (box.width + box.height) / 2
    for size, usual in DIAMETERS.items():
        if abs(diameter - usual) <= _SIZE_TOLERANCE * usual:
            return size
    return None


def _shape(mask: Mask) -> Shape | None:
    return _most_alike(mask, _shape_masks())


def _black_thing(mask: Mask, place: Place) -> Arrow | Word | None:
    heading = _most_alike(mask, _heading_masks())
    text = _most_alike(mask, _word_masks())
    if (heading is None) == (text is None):
        return None
    return Word(text, place) if heading is None and text is not None else _arrow(heading, place)


def _arrow(heading: Heading | None, place: Place) -> Arrow | None:
    return None if heading is None else Arrow(heading, place)


class _Model(NamedTuple):
    """How a thing looks that was drawn: cut out and scaled, with its width over its height."""

    mask: Mask
    aspect: float


def _most_alike(mask: Mask, models: dict[Name, list[_Model]]) -> Name | None:
    """Gives what a mask looks like, None unless it looks like that clearly best."""
    looked_at = _model(mask)
    alike = sorted(
        ((max(_alike(looked_at, model) for model in models[name]), name) for name in models),
        reverse=True,
    )
    (best, name), (second, _) = alike[:2]
    return name if best >= _LEAST_OVERLAP and best - second >= _LEAST_LEAD else None


def _alike(one: _Model, other: _Model) -> float:
    skew = one.aspect / other.aspect
    if max(skew, 1 / skew) > _LARGEST_SKEW:
        return 0.0
    return overlap(one.mask, other.mask)


def _model(mask: Mask) -> _Model:
    box = box_of(mask)
    return _Model(cropped(mask, _SIDE), box.width / box.height)


@lru_cache
def _shape_masks() -> dict[Shape, list[_Model]]:
    return {
        shape: [
            model
            for size in Size
            for model in _drawn(Group(1, size, Colour.RED, shape, Place.TOP_LEFT))
        ]
        for shape in Shape
    }


@lru_cache
def _heading_masks() -> dict[Heading, list[_Model]]:
    return {heading: _drawn(Arrow(heading, Place.TOP_LEFT)) for heading in Heading}


@lru_cache
def _word_masks() -> dict[str, list[_Model]]:
    return {word: _drawn(Word(word, Place.TOP_LEFT)) for word in WORDS}


def _drawn(thing: Thing) -> list[_Model]:
    """Draws a thing, sharply and as blurred as small images are, and cuts it out again."""
    models = []
    for seed, side in product(range(_TIMES_DRAWN), (FRAME, _BLURRED)):
        image = draw_scene(Scene((thing,), seed)).resize((side, side), Image.Resampling.BICUBIC)
        masks = [blob.mask for blob in blobs(image) if blob.area >= _DUST]
        models.append(_model(np.logical_or.reduce(masks)))
    return models
