"""The one check that every image passes before it is stored.

A sound 8-bit PNG, JPEG or WebP is stored byte for byte, so that its hash is the hash people know it
by; that keeps its metadata too, such as the position where a photograph was taken. Anything that
viewers and models would see differently is normalised once, here: what is stored is what everyone
sees. A PNG whose metadata Pillow refuses is stored without it, its pixels as they are, so that
whoever loads a release can open it too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import Image, UnidentifiedImageError

from alignbench.generators.image_formats import HEIC, guessed_format, read_formats
from alignbench.generators.normalisation import encoded, normalised_pixels, with_profile_applied
from alignbench.models.perceptual_hash import difference_hash
from alignbench.models.pixels import FORMATS, MAX_PIXELS, opened_image
from alignbench.models.png_chunks import BarePng, bare_png
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure

MAX_BYTES: Final = 64 << 20
"""Most bytes of an encoded image."""

_STORED: Final = {"PNG": "PNG", "JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WEBP"}
"""Formats that may be stored as they are, and their names. MPO is a JPEG with more behind it."""

_PERHAPS_METADATA: Final = (ItemCode.NOT_AN_IMAGE, ItemCode.IMAGE_DAMAGED)
"""What a PNG fails with whose metadata Pillow stumbles over."""


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that was decoded to its end, as it is to be stored.

    Attributes:
        data: Encoded bytes.
        width: Pixels across, as seen.
        height: Pixels down, as seen.
        format: `PNG`, `JPEG` or `WEBP`.
        perceptual_hash: 64-bit difference hash, 16 hexadecimal digits.
        normalised: What was changed (see `generators.normalisation`); empty if `data` is the input.
    """

    data: bytes
    width: int
    height: int
    format: str
    perceptual_hash: str
    normalised: tuple[str, ...]


def check_image(data: bytes) -> CheckedImage | ItemFailure:
    """Decodes an image fully and normalises what has to be.

    Refused are data that is no image, a truncated or damaged image, more than `MAX_BYTES` or
    `MAX_PIXELS`, an animation or several pages (people and models would look at different frames),
    and 32-bit pixels, which have no agreed white. The same bytes give the same result on the same
    version of Pillow.
    """
    try:
        return _checked(data)
    except ItemError as error:
        return error.failure


def too_large(size: int) -> ItemFailure:
    """Returns the failure of an encoded image of that many bytes."""
    return ItemCode.IMAGE_TOO_LARGE.failure(
        f"The image has {size:,} bytes; at most {MAX_BYTES:,} are accepted."
    )


def _checked(data: bytes) -> CheckedImage:
    if len(data) > MAX_BYTES:
        raise ItemError(too_large(len(data)))
    try:
        return _decoded(data)
    except ItemError as error:
        bare = bare_png(data) if error.failure.code in _PERHAPS_METADATA else None
        if bare is None:
            raise
    return _decoded(bare.data, bare)


def _decoded(data: bytes, bare: BarePng | None = None) -> CheckedImage:
    """Decodes an image; `bare` is a PNG whose metadata had to be left out."""
    with _opened(data) as image:
        _check_size(image)
        with _decoder_failures():
            _check_frames(image)
            image.load()
            pixels, changes = normalised_pixels(image, data)
            if bare is not None and bare.large_profile is not None:
                pixels = with_profile_applied(pixels, bare.large_profile)
                changes = (*changes, "colour-profile")
        image_format = _STORED.get(image.format or "", "PNG")
        if changes:
            data, image_format = encoded(pixels, image_format)
        if bare is not None:
            changes = (*changes, "png-metadata")
        return CheckedImage(
            data, pixels.width, pixels.height, image_format, difference_hash(pixels), changes
        )


def _opened(data: bytes) -> Image.Image:
    try:
        with _decoder_failures():
            return opened_image(data, read_formats())
    except UnidentifiedImageError:
        raise ItemError(_not_opened(data)) from None


def _not_opened(data: bytes) -> ItemFailure:
    """Returns why data cannot be opened, as far as its first bytes tell."""
    guess = guessed_format(data)
    known = ", ".join((*FORMATS, HEIC))
    if guess is None:
        return ItemCode.NOT_AN_IMAGE.failure(
            f"The data ({len(data):,} bytes) is not an image of a known format ({known})."
        )
    if guess.advice:
        return ItemCode.DECODER_MISSING.failure(
            f"The image is {guess.name}, for which no decoder is installed; {guess.advice}"
        )
    if not guess.is_read:
        return ItemCode.NOT_AN_IMAGE.failure(
            f"The data is {guess.name}, not of a format that is read ({known})."
        )
    return ItemCode.IMAGE_DAMAGED.failure(
        f"The data ({len(data):,} bytes) begins as {guess.name}, but its header is damaged."
    )


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ItemError(
            ItemCode.TOO_MANY_PIXELS.failure(
                f"The image has {image.width:,} x {image.height:,} pixels; "
                f"at most {MAX_PIXELS:,} are accepted."
            )
        )


def _check_frames(image: Image.Image) -> None:
    # The further pictures of an MPO, or of a HEIC that is no sequence, are previews and depth maps;
    # no viewer shows them.
    mime_type = getattr(image, "custom_mimetype", None)
    has_main = image.format == "MPO" or mime_type in ("image/heic", "image/heif")
    if not has_main and getattr(image, "is_animated", False):
        raise ItemError(
            ItemCode.SEVERAL_FRAMES.failure(
                f"The {image.format} image has {getattr(image, 'n_frames', 'several')} frames or "
                "pages; store the one you mean as an image of its own."
            )
        )


@contextmanager
def _decoder_failures() -> Iterator[None]:
    """Turns what Pillow raises on a damaged image into that image's failure."""
    try:
        yield
    except (ItemError, UnidentifiedImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ItemError(ItemCode.TOO_MANY_PIXELS.failure(f"{error}.")) from None
    # Pillow's decoders raise whatever their parsers stumble over, from struct.error to IndexError.
    except Exception as error:
        raise ItemError(
            ItemCode.IMAGE_DAMAGED.failure(
                f"The image cannot be decoded to its end: {str(error) or type(error).__name__}."
            )
        ) from error
