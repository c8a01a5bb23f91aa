"""What is changed in an image so that every viewer and every model sees the same picture.

The names of the changes, as they stand in `images.normalised`:

- `exif-rotation`: the rotation that the metadata asks for was carried out;
- `cmyk`: printing colours became RGB, through the colour profile if the image has one;
- `colour-space`: another colour model (YCbCr, Lab, HSV) became RGB;
- `16-bit`: 16 bits a channel became 8, black and white staying black and white;
- `colour-profile`: a profile too large to be kept was applied;
- `png-metadata`: text that Pillow refuses, or a damaged chunk, was left out, the pixels kept;
- `format-<name>`: the format is not one that is stored.
"""

import io
from typing import Final

from PIL import Image

from alignbench.models.colour_profiles import in_srgb
from alignbench.models.pixels import orientation_of, turned
from alignbench.models.sixteen_bits import eight_bits, has_16_bits
from alignbench.schemas.item_codes import ItemCode, ItemError

_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_ALPHA_MODES: Final = frozenset({"PA", "La", "RGBa"})
_JPEG_QUALITY: Final = 95
_STORED: Final = frozenset({"PNG", "JPEG", "MPO", "WEBP"})


def normalised_pixels(image: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Returns the picture as it is meant to be seen, and the names of the changes made to it.

    Args:
        image: The decoded image.
        data: Its encoded bytes, for what Pillow does not tell.

    Raises:
        ItemError: The pixels are 32-bit numbers.
    """
    _check_white_point(image)
    changes: list[str] = []
    pixels = eight_bits(image, data)
    if orientation_of(pixels) != 1:
        pixels = turned(pixels)
        changes.append("exif-rotation")
    if has_16_bits(image, data):
        changes.append("16-bit")
    if image.format == "GIF":
        pixels = _with_margin(pixels, image.dispose_extent)  # type: ignore[attr-defined]
    if pixels.mode == "CMYK":
        pixels = _cmyk_to_rgb(pixels)
        changes.append("cmyk")
    elif pixels.mode not in _PNG_MODES:
        pixels = _to_png_mode(pixels)
        changes.append("colour-space")
    if image.format not in _STORED:
        changes.append(f"format-{str(image.format).lower()}")
    return pixels, tuple(changes)


def with_profile_applied(pixels: Image.Image, profile: bytes) -> Image.Image:
    """Returns a normalised picture with its colours in sRGB, by a profile that it has not kept."""
    shown = pixels.convert("RGBA" if pixels.has_transparency_data else "RGB")
    shown.info = {"icc_profile": profile}
    converted = in_srgb(shown)
    converted.info = {}
    return converted


def encoded(pixels: Image.Image, stored_format: str) -> tuple[bytes, str]:
    """Encodes a normalised picture: what was a JPEG as a JPEG, anything else without loss as PNG.

    Metadata is dropped, except the colour profile and the transparent colour.

    Returns:
        The bytes, and `JPEG` or `PNG`.
    """
    kept = {key: pixels.info[key] for key in ("icc_profile", "transparency") if key in pixels.info}
    pixels = pixels.copy()
    pixels.info = kept  # type: ignore[assignment]
    buffer = io.BytesIO()
    if stored_format == "JPEG":
        profile = kept.get("icc_profile")  # not taken from `info`, as for PNG
        pixels.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling="4:4:4", icc_profile=profile)
        return buffer.getvalue(), "JPEG"
    pixels.save(buffer, "PNG")
    return buffer.getvalue(), "PNG"


def _check_white_point(image: Image.Image) -> None:
    if image.mode in ("I", "F"):
        raise ItemError(
            ItemCode.NO_WHITE_POINT.failure(
                "The pixels are 32-bit numbers, for which there is no agreed white; "
                "convert the image to 8 bits a channel."
            )
        )


def _with_margin(gif: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    """Returns a GIF whose picture is smaller than its screen with nothing around the picture."""
    if frame == (0, 0, *gif.size):
        return gif
    screen = Image.new("RGBA", gif.size)
    screen.paste(gif.convert("RGBA").crop(frame), frame[:2])
    return screen


def _cmyk_to_rgb(pixels: Image.Image) -> Image.Image:
    rgb = in_srgb(pixels).convert("RGB")
    rgb.info = {}  # The profile described the printing colours that are gone.
    return rgb


def _to_png_mode(pixels: Image.Image) -> Image.Image:
    converted = pixels.convert("RGBA" if pixels.mode in _ALPHA_MODES else "RGB")
    converted.info = {}  # A profile described the colour model that is gone.
    return converted
