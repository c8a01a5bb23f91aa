"""Colour profiles inside images: browsers show their colours in sRGB, and so must models see them.

A photograph of a telephone is often in Display P3, one of a camera in Adobe RGB. Read as if they
were sRGB, their colours are dull; with a profile that swaps channels, red is green.
"""

import io
from functools import lru_cache
from typing import Final

from PIL import Image, ImageCms

_NEARLY_SRGB: Final = 2
"""Levels of 255 by which a profile may differ from sRGB and still be taken for it."""

_MODES: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
"""Pillow's mode for each colour model of a profile."""

_GREY_OR_RGB: Final = ("L", "RGB")
_COLOURS: Final = {"L": ("L", "RGB"), "RGB": ("RGB",), "RGBA": ("L", "RGB"), "CMYK": ("CMYK",)}
"""Modes whose profiles pixels of each mode may have; grey pixels are RGB as well."""


def in_srgb(pixels: Image.Image) -> Image.Image:
    """Returns an image with its colours in sRGB, its transparency as it was.

    Args:
        pixels: In mode L, RGB, RGBA or CMYK, with its profile in `info`. Without one, with one that
            cannot be read, or one of another colour model than the pixels', nothing is changed.
    """
    profile = pixels.info.get("icc_profile")
    transform = _to_srgb(profile, _COLOURS[pixels.mode]) if profile else None
    if transform is None:
        return pixels
    shown = transform.apply(pixels.convert(transform.input_mode))
    if pixels.mode == "RGBA":
        shown.putalpha(pixels.getchannel("A"))
    shown.info = {k: value for k, value in pixels.info.items() if k != "icc_profile"}
    return shown


def is_srgb(profile: bytes | None) -> bool:
    """Tells whether pixels with that profile are shown as they are."""
    return not profile or _to_srgb(profile, _GREY_OR_RGB) is None


@lru_cache(maxsize=16)
def _to_srgb(profile: bytes, modes: tuple[str, ...]) -> ImageCms.ImageCmsTransform | None:
    """Returns the way to sRGB from one of these modes; None if there is none, or no need."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(opened.profile.xcolor_space.strip())
        if mode not in modes:
            return None
        transform = _transform(opened, mode)
        samples = _samples().convert(mode)
        found = transform.apply(samples).tobytes()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # browsers pass over a broken profile too
    wanted = samples.convert("RGB").tobytes()
    difference = max(abs(a - b) for a, b in zip(found, wanted, strict=True))
    return transform if difference > _NEARLY_SRGB else None


def _transform(opened: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    if mode != "CMYK":
        return ImageCms.buildTransform(opened, srgb, mode, "RGB")
    return ImageCms.buildTransform(
        opened,
        srgb,
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _samples() -> Image.Image:
    """Returns an image of 216 colours, evenly spread."""
    levels = range(0, 256, 51)
    colours = bytes(level for r in levels for g in levels for b in levels for level in (r, g, b))
    return Image.frombytes("RGB", (216, 1), colours)
