"""Images as requests carry them: data URLs of bounded size."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import anyio
from PIL import Image

from alignbench.models.pixels import MAX_PIXELS
from alignbench.schemas.item_codes import ItemCode, ItemError

MAX_SENT_BYTES: Final = 16 << 20
"""Most bytes of an image that is sent as it is."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_JPEG_QUALITY: Final = 95


class Picture(NamedTuple):
    """An image as it is sent: as a URL, and its size in pixels."""

    url: str
    width: int
    height: int


async def picture_to_send(data: bytes, max_side: int) -> Picture:
    """Returns an image as it is sent: byte for byte, or scaled down.

    Args:
        data: A stored image: PNG, JPEG or WebP.
        max_side: Most pixels of its longer side.

    Raises:
        ItemError: It cannot be read or decoded.
    """
    picture = small_picture(data, max_side)
    if picture is not None:
        return picture
    # Scaling takes long enough to hold up the answers of others.
    return await anyio.to_thread.run_sync(scaled_picture, data, max_side)


def small_picture(data: bytes, max_side: int) -> Picture | None:
    """Returns an image to be sent byte for byte; None if it has to be scaled down.

    Args:
        data: A stored image: PNG, JPEG or WebP.
        max_side: Most pixels of its longer side.

    Raises:
        ItemError: It cannot be read.
    """
    with _opened(data) as image:
        if max(image.size) > max_side or len(data) > MAX_SENT_BYTES:
            return None
        return _picture(data, image.format or "", image.size)


def scaled_picture(data: bytes, max_side: int) -> Picture:
    """Returns an image scaled down to be sent, as JPEG if it was one, else as PNG.

    Raises:
        ItemError: It cannot be decoded.
    """
    with _opened(data) as image:
        image_format = "JPEG" if image.format in ("JPEG", "MPO") else "PNG"
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, image_format, quality=_JPEG_QUALITY)
        return _picture(buffer.getvalue(), image_format, image.size)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ItemError(ItemCode.TOO_MANY_PIXELS.failure("The image has too many pixels."))
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ItemError(
            ItemCode.IMAGE_DAMAGED.failure(f"The image cannot be decoded: {error}.")
        ) from None


def _picture(data: bytes, image_format: str, size: tuple[int, int]) -> Picture:
    kind = "jpeg" if image_format == "MPO" else image_format.lower()
    encoded = base64.b64encode(data).decode("ascii")
    return Picture(f"data:image/{kind};base64,{encoded}", *size)
