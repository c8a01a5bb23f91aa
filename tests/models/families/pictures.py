"""Pictures for the tests: noise of different sizes, so that no two are alike to any model."""

import io

import numpy as np
from PIL import Image

SIZES = [(40, 40), (90, 40), (40, 120)]


def picture(place: int) -> Image.Image:
    """The picture at a place."""
    width, height = SIZES[place]
    noise = np.random.default_rng(place).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def png(place: int) -> bytes:
    """The same picture, encoded."""
    buffer = io.BytesIO()
    picture(place).save(buffer, "PNG")
    return buffer.getvalue()
