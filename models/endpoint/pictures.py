"""Images as requests carry them: data URLs of bounded size, of what annotators see.

A server decodes what it is sent in its own way, often by dropping transparency and ignoring colour
profiles. So an image goes byte for byte only if its plain values are what a browser shows.
"""

import base64
import io
import os
from typing import Final, NamedTuple

import anyio
from anyio.lowlevel import RunVar
from PIL import Image

from alignbench.models.pixels import (
    MAX_PIXELS,
    decoder_failures,
    has_plain_colours,
    opened_image,
    shown_pixels,
)
from alignbench.models.sixteen_bits import eight_bits
from alignbench.schemas.item_codes import ItemCode, ItemError

MAX_SENT_BYTES: Final = 16 << 20
"""Most bytes of an image that is sent as it is."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_JPEGS: Final = ("JPEG", "MPO")
_JPEG_QUALITY: Final = 95
_THE_IMAGE: Final = "The image"
_LIMITER: Final[RunVar[anyio.CapacityLimiter | None]] = RunVar("images decoded at once")


class Picture(NamedTuple):
    """An image as it is sent: as a URL, and its size in pixels."""

    url: str
    width: int
    height: int


async def picture_to_send(data: bytes, max_side: int) -> Picture:
    """Returns an image as it is sent: byte for byte, or as it is shown and scaled down.

    Args:
        data: A stored image: PNG, JPEG or WebP.
        max_side: Most pixels of its longer side.

    Raises:
        ItemError: It cannot be read or decoded.
    """
    picture = small_picture(data, max_side)
    if picture is not None:
        return picture
    # This takes long enough to hold up the answers of others, and hundreds of megabytes each.
    return await anyio.to_thread.run_sync(prepared_picture, data, max_side, limiter=_at_once())


def _at_once() -> anyio.CapacityLimiter:
    """Returns what keeps as many images decoded at once as there are processors."""
    limiter = _LIMITER.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        _LIMITER.set(limiter)
    return limiter


def small_picture(data: bytes, max_side: int) -> Picture | None:
    """Returns an image to be sent byte for byte; None if it has to be decoded to know, or changed.

    Args:
        data: A stored image: PNG, JPEG or WebP.
        max_side: Most pixels of its longer side.

    Raises:
        ItemError: It cannot be read.
    """
    with decoder_failures(_THE_IMAGE), _opened(data) as image:
        if not _fits(image, data, max_side) or not _is_plain(image):
            return None
        return _picture(data, image.format or "", image.size)


def prepared_picture(data: bytes, max_side: int) -> Picture:
    """Returns an image as it is shown, scaled down if need be: as JPEG if it was one, else as PNG.

    Raises:
        ItemError: It cannot be decoded.
    """
    with decoder_failures(_THE_IMAGE), _opened(data) as image:
        if _fits(image, data, max_side) and _is_opaque(image):
            return _picture(data, image.format or "", image.size)
        size = (max_side, max_side)
        image_format = "PNG"
        if image.format in _JPEGS:
            image_format = "JPEG"
            # Neither palette nor transparency is in the way, and a JPEG can be decoded smaller.
            image.thumbnail(size, Image.Resampling.LANCZOS)
        pixels = shown_pixels(eight_bits(image, data))
        pixels.thumbnail(size, Image.Resampling.LANCZOS)
        pixels.info = {}
        buffer = io.BytesIO()
        pixels.save(buffer, image_format, quality=_JPEG_QUALITY)
        return _picture(buffer.getvalue(), image_format, pixels.size)


def _opened(data: bytes) -> Image.Image:
    image = opened_image(data, _FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise ItemError(ItemCode.TOO_MANY_PIXELS.failure("The image has too many pixels."))
    return image


def _fits(image: Image.Image, data: bytes, max_side: int) -> bool:
    return max(image.size) <= max_side and len(data) <= MAX_SENT_BYTES


def _is_plain(image: Image.Image) -> bool:
    return has_plain_colours(image) and not image.has_transparency_data


def _is_opaque(image: Image.Image) -> bool:
    """Tells whether an image has an alpha channel that hides nothing, as screenshots have."""
    if image.mode not in ("LA", "RGBA") or not has_plain_colours(image):
        return False
    least, _ = image.getchannel("A").getextrema()
    return least == 255


def _picture(data: bytes, image_format: str, size: tuple[int, int]) -> Picture:
    kind = "jpeg" if image_format == "MPO" else image_format.lower()
    encoded = base64.b64encode(data).decode("ascii")
    return Picture(f"data:image/{kind};base64,{encoded}", *size)
