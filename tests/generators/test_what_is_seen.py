"""Annotators, models and the perceptual hash see the same picture, however odd the file.

Chromium shows what is stored, as Label Studio's page does, on white. Its screenshot is compared,
pixel by pixel, with what in-process models and detectors are given and with what is sent to an
endpoint.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from alignbench.generators.image_checks import CheckedImage, check_image
from alignbench.models.endpoint.pictures import prepared_picture, small_picture
from alignbench.models.perceptual_hash import difference_hash
from alignbench.models.pixels import rgb_pixels
from tests.fixtures.odd_images import odd_images

ROUNDING = 1
"""Levels of 255: alpha and colour profiles are rounded in other places in Skia than in Pillow."""

SENT_AS_JPEG_AGAIN = 3.0
"""Mean levels: a JPEG whose colours had to change is sent as a JPEG of quality 95 again."""

MAX_SIDE = 2048
IN_A_BROWSER = {"png", "jpg", "webp", "gif", "bmp", "avif"}

AS_FILE_SAYS_OTHERWISE = {
    "exif6.webp": "Chromium does not turn a WebP; what is stored is turned",
    "cmyk.jpg": "a JPEG in printing colours is stored as a JPEG in RGB",
}
"""Images that Chromium shows otherwise as they came than as they are stored."""


class Shown(NamedTuple):
    """Screenshots of one image; None where Chromium does not show it."""

    as_it_came: Image.Image | None
    as_stored: Image.Image | None


@pytest.fixture(scope="module")
def stored() -> dict[str, CheckedImage]:
    checked = {name: check_image(data) for name, data in odd_images().items()}
    return {name: found for name, found in checked.items() if isinstance(found, CheckedImage)}


@pytest.fixture(scope="module")
def shown(browser: Browser, stored: Mapping[str, CheckedImage]) -> dict[str, Shown]:
    came = screenshots(browser, list(odd_images().values()))
    kept = screenshots(browser, [image.data for image in stored.values()])
    return {name: Shown(*pair) for name, *pair in zip(stored, came, kept, strict=True)}


def screenshots(browser: Browser, images: Sequence[bytes]) -> list[Image.Image | None]:
    """Returns what Chromium shows of each image, all below one another on a white page."""
    page = browser.new_page()
    tags = (f'<img src="data:image/*;base64,{base64.b64encode(data).decode()}">' for data in images)
    page.set_content(f"<style>* {{margin: 0; display: block}}</style>{''.join(tags)}")
    places = page.evaluate(
        """async () => {
            const images = [...document.images];
            await Promise.all(images.map(image => image.decode().catch(() => null)));
            return images.map(
                image => image.naturalWidth && image.getBoundingClientRect().toJSON());
        }"""
    )
    whole = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    page.close()
    return [place and whole.crop(box(place)) for place in places]


def box(place: Mapping[str, float]) -> tuple[int, int, int, int]:
    left, top = int(place["x"]), int(place["y"])
    return left, top, left + int(place["width"]), top + int(place["height"])


def levels_apart(one: Image.Image, other: Image.Image) -> np.ndarray:
    assert one.size == other.size
    return np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int))


def test_none_is_lost(stored: Mapping[str, CheckedImage]) -> None:
    assert set(stored) == set(odd_images())


@pytest.mark.parametrize("name", odd_images())
def test_all_see_what_chromium_shows(
    name: str, stored: Mapping[str, CheckedImage], shown: Mapping[str, Shown]
) -> None:
    image, seen = stored[name], shown[name].as_stored
    assert seen is not None
    in_process = rgb_pixels(image.data, name)
    assert levels_apart(seen, in_process).max() <= ROUNDING
    sent, kind = sent_to_endpoint(image.data)
    if kind == "jpeg" and not is_sent_as_it_is(image.data):
        assert levels_apart(seen, sent).mean() <= SENT_AS_JPEG_AGAIN
    else:
        assert levels_apart(seen, sent).max() <= ROUNDING
    assert bits_apart(image.perceptual_hash, difference_hash(seen)) <= 2


@pytest.mark.parametrize("name", [n for n in odd_images() if n.rpartition(".")[2] in IN_A_BROWSER])
def test_what_is_stored_looks_like_what_came(
    name: str, stored: Mapping[str, CheckedImage], shown: Mapping[str, Shown]
) -> None:
    came, kept = shown[name]
    assert came is not None
    assert kept is not None
    if name in AS_FILE_SAYS_OTHERWISE:
        assert came.size != kept.size or levels_apart(came, kept).mean() > 0
    elif stored[name].format == "JPEG" and stored[name].normalised:
        assert levels_apart(came, kept).mean() <= SENT_AS_JPEG_AGAIN
    else:
        assert levels_apart(came, kept).max() <= ROUNDING


def sent_to_endpoint(data: bytes) -> tuple[Image.Image, str]:
    picture = small_picture(data, MAX_SIDE) or prepared_picture(data, MAX_SIDE)
    head, _, body = picture.url.partition(";base64,")
    # As servers commonly do: transparency dropped, profiles ignored.
    decoded = Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB")
    return decoded, head.removeprefix("data:image/")


def is_sent_as_it_is(data: bytes) -> bool:
    picture = small_picture(data, MAX_SIDE)
    return picture is not None and picture.url.endswith(base64.b64encode(data).decode())


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()
