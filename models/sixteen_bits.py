"""Images of 16 bits a channel as 8 bits, black and white staying what they are.

Pillow keeps 16-bit grey, reads 16-bit colour as 8-bit colour without a word, and gives the
transparent colour of either as the 16-bit value that it was.
"""

import io
from typing import Any, Final

import numpy as np
from PIL import Image

_PNG_BIT_DEPTH: Final = 24  # offset of IHDR's bit depth, the first chunk of every PNG
_BITS_PER_SAMPLE: Final = 258  # TIFF tag
_HIGH_BYTES, _LOW_BYTES = "RGB;16B", "RGB;16L"
"""How Pillow unpacks big-endian colour: the high bytes, and what it would take for them."""


def has_16_bits(image: Image.Image, data: bytes) -> bool:
    """Tells whether an opened image has 16 bits a channel.

    Args:
        image: The image as Pillow opened it.
        data: Its encoded bytes, for what Pillow does not tell.
    """
    if image.mode.startswith("I;16"):
        return True
    if image.format == "PNG":
        return data[_PNG_BIT_DEPTH] == 16
    if image.format == "TIFF":
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
        return 16 in bits
    return False


def eight_bits(image: Image.Image, data: bytes) -> Image.Image:
    """Returns an image with 8 bits a channel; itself, if that is what it has.

    A transparent colour becomes an alpha channel.
    """
    if not has_16_bits(image, data):
        return image
    transparent = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        image.load()
        hidden = np.asarray(image) == transparent if isinstance(transparent, int) else None
        # Pillow's own conversion to "L" would clip everything above 255 to white.
        pixels = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    elif image.mode == "RGB" and isinstance(transparent, tuple):
        hidden = _hidden_colour(image, data, transparent)
        pixels = image.copy()
    else:
        return image
    pixels.info = {k: value for k, value in image.info.items() if k != "transparency"}
    if hidden is not None:
        pixels.putalpha(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)))
    return pixels


def _hidden_colour(image: Image.Image, data: bytes, colour: tuple[int, ...]) -> Any:
    """Returns where all 48 bits of a pixel are those of the transparent colour."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as again:
        again.tile = [
            tile._replace(args=_LOW_BYTES) for tile in again.tile if tile.args == _HIGH_BYTES
        ]
        low = np.asarray(again.convert("RGB")).astype(np.uint16)
    high = np.asarray(image.convert("RGB")).astype(np.uint16)
    return np.all(high * 256 + low == np.array(colour, np.uint16), axis=-1)
