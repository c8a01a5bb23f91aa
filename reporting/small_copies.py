"""Small copies of images, encoded anew: nothing of a file but its pixels is shown."""

import base64
import io
from typing import Final

from PIL import Image

from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.item_codes import ItemError

_QUALITY: Final = 80


def small_copy(data: bytes | None, side: int) -> bytes | None:
    """Returns a JPEG of at most `side` pixels across and down; None if it cannot be had."""
    if data is None:
        return None
    try:
        pixels = rgb_pixels(data, "of the report")
    except ItemError:
        return None
    pixels.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def data_uri(jpeg: bytes | None) -> str | None:
    """Returns a JPEG as what an `img` of an offline page shows; None if there is none."""
    return None if jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
