"""What is changed in an image so that every viewer and every model sees the same picture.

The names of the changes, as they stand in `images.normalised`:

- `exif-rotation`: the rotation that the metadata asks for was carried out;
- `cmyk`: printing colours became RGB, through the colour profile if the image has one;
- `colour-space`: another colour model (YCbCr, Lab, HSV) became RGB;
- `16-bit`: 16 bits a channel became 8, black and white staying black and white;
- `format-<name>`: the format is not one that is stored.
"""

import io
import struct
from typing import Final

from PIL import ExifTags, Image, ImageCms, ImageOps

from alignbench.schemas.item_codes import ItemCode, ItemError

_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_ALPHA_MODES: Final = frozenset({"PA", "La", "RGBa"})
_BITS_PER_SAMPLE: Final = 258  # TIFF tag
_PNG_BIT_DEPTH: Final = 24  # offset of IHDR's bit depth, the first chunk of every PNG
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
    changes: list[str] = []
    pixels = image
    if _orientation(image) in range(2, 9):
        pixels = ImageOps.exif_transpose(image)
        changes.append("exif-rotation")
    if _has_16_bits(image, data):
        pixels = _to_8_bits(pixels)
        changes.append("16-bit")
    if pixels.mode == "CMYK":
        pixels = _cmyk_to_rgb(pixels)
        changes.append("cmyk")
    elif pixels.mode not in _PNG_MODES:
        pixels = _to_png_mode(pixels)
        changes.append("colour-space")
    if image.format not in _STORED:
        changes.append(f"format-{str(image.format).lower()}")
    return pixels, tuple(changes)


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
        pixels.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling="4:4:4")
        return buffer.getvalue(), "JPEG"
    pixels.save(buffer, "PNG")
    return buffer.getvalue(), "PNG"


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1  # Metadata that cannot be read turns the picture in no viewer either.
    return value if isinstance(value, int) else 1


def _has_16_bits(image: Image.Image, data: bytes) -> bool:
    if image.mode.startswith("I;16"):
        return True
    if image.mode in ("I", "F"):
        raise ItemError(
            ItemCode.NO_WHITE_POINT.failure(
                "The pixels are 32-bit numbers, for which there is no agreed white; "
                "convert the image to 8 bits a channel."
            )
        )
    # Pillow reads 16-bit colour as 8-bit colour and says nothing of it.
    if image.format == "PNG":
        return data[_PNG_BIT_DEPTH] == 16
    if image.format == "TIFF":
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
        return 16 in bits
    return False


def _to_8_bits(pixels: Image.Image) -> Image.Image:
    if not pixels.mode.startswith("I;16"):
        return pixels
    # Pillow's own conversion to "L" would clip everything above 255 to white.
    info = pixels.info
    scaled = pixels.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    scaled.info = {key: value for key, value in info.items() if key != "transparency"}
    return scaled


def _cmyk_to_rgb(pixels: Image.Image) -> Image.Image:
    profile = pixels.info.get("icc_profile")
    rgb = _through_profile(pixels, profile) if profile else None
    rgb = rgb or pixels.convert("RGB")
    rgb.info = {}  # The profile described the printing colours that are gone.
    return rgb


def _through_profile(pixels: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        return ImageCms.profileToProfile(
            pixels,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return None  # A broken profile, or one of another colour model: viewers ignore it too.


def _to_png_mode(pixels: Image.Image) -> Image.Image:
    converted = pixels.convert("RGBA" if pixels.mode in _ALPHA_MODES else "RGB")
    converted.info = {}  # A profile described the colour model that is gone.
    return converted
