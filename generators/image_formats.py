"""Which image formats are read: known by their first bytes, never by a file's name.

HEIC, the photographs of telephones, is read where `pillow-heif` is installed.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from PIL import Image, features

from alignbench.models.pixels import FORMATS

ENDINGS: Final = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo",
    ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif", ".avifs",
    ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".heic", ".heif", ".hif", ".heics", ".heifs",
)  # fmt: skip
"""Endings of files in these formats."""

HEIC: Final = "HEIC"
_HEIC_IN_PILLOW: Final = "HEIF"
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})

_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
_NOT_READ: Final = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"<svg", "SVG"),
)

_FEATURES: Final = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000", "JPEG": "jpg"}
"""What Pillow calls the decoders that a build of it may lack."""


class Guess(NamedTuple):
    """What data seems to be by its first bytes.

    Attributes:
        name: The format, for people.
        is_read: Whether it is one of those that are read.
        advice: How to make it readable here; empty if it is, or cannot be.
    """

    name: str
    is_read: bool
    advice: str = ""


@cache
def read_formats() -> tuple[str, ...]:
    """Returns the formats that can be read here, in Pillow's names."""
    Image.init()
    heic = (_HEIC_IN_PILLOW,) if _heic_is_registered() else ()
    return tuple(name for name in (*FORMATS, *heic) if name in Image.OPEN)


def guessed_format(data: bytes) -> Guess | None:
    """Returns what data seems to be by its first bytes; None if that tells nothing."""
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in _HEIC_BRANDS:
        is_missing = _HEIC_IN_PILLOW not in read_formats()
        return Guess(HEIC, True, "run: pip install 'alignbench[heic]'" if is_missing else "")
    name = "AVIF" if brand in _AVIF_BRANDS else _signed(data, _SIGNATURES)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        name = "WEBP"
    if name is not None:
        is_missing = name in _FEATURES and not features.check(_FEATURES[name])
        return Guess(name, True, f"install a Pillow that reads {name}" if is_missing else "")
    name = _signed(data, _NOT_READ)
    return None if name is None else Guess(name, False)


def _signed(data: bytes, signatures: Sequence[tuple[bytes, str]]) -> str | None:
    return next((name for start, name in signatures if data.startswith(start)), None)


def _heic_is_registered() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True
