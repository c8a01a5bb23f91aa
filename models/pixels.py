"""An encoded image as a model takes it: pixels in RGB."""

import io
from typing import Final

from PIL import Image

from alignbench.schemas.item_codes import ItemCode, ItemError

MAX_PIXELS: Final = (1 << 30) // 12
"""Most pixels of an image, where Pillow begins to warn: 256 MiB as RGB."""


def rgb_pixels(data: bytes, image_id: str) -> Image.Image:
    """Returns an image decoded to its end.

    Raises:
        ItemError: It cannot be decoded.
    """
    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = f"Image {image_id} cannot be decoded: {error}."
        raise ItemError(ItemCode.IMAGE_DAMAGED.failure(message)) from None
