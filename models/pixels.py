"""An encoded image as people see it: upright, in sRGB, and on white where it is transparent.

Annotators look at images in a browser. What a model is given has to be the same picture, so every
way to a model goes through `shown_pixels`; so does the perceptual hash.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import ExifTags, Image

from alignbench.models.colour_profiles import in_srgb, is_srgb
from alignbench.models.png_chunks import bare_png, chunks_before_pixels
from alignbench.models.png_colours import stated_profile
from alignbench.models.sixteen_bits import eight_bits
from alignbench.schemas.item_codes import ItemCode, ItemError

MAX_PIXELS: Final = (1 << 30) // 12
"""Most pixels of an image, where Pillow begins to warn: 256 MiB as RGB."""

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
"""Formats that are read. Pillow knows more; some run other programs or are seldom fuzzed."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of EXIF."""

_GREY_LEVELS: Final = {"L;2": 85, "L;4": 17}
"""By what Pillow multiplies grey values of fewer than 8 bits."""

_PLAIN_MODES: Final = ("1", "L", "LA", "P", "RGB", "RGBA")

_TURNED_BY_OTHERS: Final = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""Where Pillow looks for an orientation besides EXIF; no browser does."""


def rgb_pixels(data: bytes, image_id: str) -> Image.Image:
    """Returns an image decoded to its end, as RGB and as it is shown.

    Raises:
        ItemError: It cannot be decoded.
    """
    with decoder_failures(f"Image {image_id}"):
        try:
            return _shown(data)
        except (OSError, SyntaxError, ValueError):
            bare = bare_png(data)
            if bare is None:
                raise
            return _shown(bare.data)


@contextmanager
def decoder_failures(name: str) -> Iterator[None]:
    """Turns what a damaged image raises into that image's failure.

    Args:
        name: What to call the image in a message.
    """
    try:
        yield
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = f"{name} cannot be decoded: {str(error) or type(error).__name__}."
        raise ItemError(ItemCode.IMAGE_DAMAGED.failure(message)) from None


def opened_image(data: bytes, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """Opens an image, and mends what Pillow then says of it.

    An orientation that stands elsewhere than in EXIF turns nothing. Of a PNG, the transparent value
    is given as the file has it, the pixels as 8 bits; and colours that it states by numbers are
    given as a profile.

    Raises:
        OSError: It is none of the formats, or damaged; decoders raise other errors too.
    """
    image = Image.open(io.BytesIO(data), formats=formats)
    for key in _TURNED_BY_OTHERS:
        image.info.pop(key, None)
    if image.format != "PNG":
        return image
    profile = stated_profile(chunks_before_pixels(data))
    if profile is not None:
        image.info["icc_profile"] = profile
    value = image.info.get("transparency")
    if image.mode == "L" and isinstance(value, int):
        raw_mode = str(image.tile[0].args) if image.tile else ""
        image.info["transparency"] = value * _GREY_LEVELS.get(raw_mode, 1) & 0xFF
    return image


def orientation_of(image: Image.Image) -> int:
    """Returns the orientation that EXIF asks for: 1 to 8, 1 for none or one that is unreadable."""
    stored = image.info.get("exif")
    if not isinstance(stored, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(stored)
        value = exif.get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1  # Metadata that cannot be read turns the picture in no viewer either.
    return value if value in _TURNS else 1


def turned(image: Image.Image) -> Image.Image:
    """Returns an image upright, as its EXIF asks."""
    turn = _TURNS.get(orientation_of(image))
    if turn is None:
        return image
    upright = image.transpose(turn)
    upright.info.pop("exif", None)
    return upright


def has_plain_colours(image: Image.Image) -> bool:
    """Tells of an opened image whether its values, read as RGB, are the colours that are shown."""
    return (
        image.mode in _PLAIN_MODES
        and orientation_of(image) == 1
        and is_srgb(image.info.get("icc_profile"))
    )


def shown_pixels(image: Image.Image) -> Image.Image:
    """Returns an image of 8 bits a channel as a browser shows it on a white page, in RGB."""
    image.load()
    pixels = turned(image)
    if not pixels.has_transparency_data:
        if pixels.mode not in ("L", "RGB", "CMYK"):
            pixels = pixels.convert("L" if pixels.mode == "1" else "RGB")
        return in_srgb(pixels).convert("RGB")
    colours = in_srgb(pixels.convert("RGBA")).convert("RGBA")
    page = Image.new("RGBA", colours.size, "white")
    return Image.alpha_composite(page, colours).convert("RGB")


def _shown(data: bytes) -> Image.Image:
    with opened_image(data) as image:
        return shown_pixels(eight_bits(image, data))
