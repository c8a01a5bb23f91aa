"""What of an image is sent to an endpoint."""

import base64
import io
import os
import threading

import anyio
import numpy as np
import pytest
from PIL import Image, ImageDraw

from alignbench.models.endpoint.pictures import (
    Picture,
    picture_to_send,
    prepared_picture,
    small_picture,
)
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.item_codes import ItemError
from tests.fixtures.odd_images import black_logo, encoded, odd_images, picture

ODD = odd_images()


def sent(data: bytes, max_side: int = 2048) -> Picture:
    return small_picture(data, max_side) or prepared_picture(data, max_side)


def test_no_more_images_are_decoded_at_once_than_there_are_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_work: list[int] = []
    running = 0
    lock = threading.Lock()

    def watched(data: bytes, max_side: int) -> Picture:
        nonlocal running
        with lock:
            running += 1
            at_work.append(running)
        try:
            return prepared_picture(data, max_side)
        finally:
            with lock:
                running -= 1

    async def send_all() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(picture_to_send, ODD["plain.jpg"], 16)

    monkeypatch.setattr("alignbench.models.endpoint.pictures.prepared_picture", watched)
    anyio.run(send_all)
    assert len(at_work) == 40
    assert max(at_work) <= (os.cpu_count() or 1)


def bytes_of(found: Picture) -> bytes:
    return base64.b64decode(found.url.partition(",")[2])


def decoded(found: Picture) -> Image.Image:
    """Decodes as servers commonly do: transparency is dropped."""
    return Image.open(io.BytesIO(bytes_of(found))).convert("RGB")


@pytest.mark.parametrize(
    "name",
    ["plain.jpg", "grey.jpg", "palette.png", "bilevel.png", "grey.png", "srgb_profile.jpg",
     "xmp6.jpg", "opaque_alpha.png", "broken_profile.png"],
)  # fmt: skip
def test_an_image_of_plain_colours_goes_byte_for_byte(name: str) -> None:
    assert bytes_of(sent(ODD[name])) == ODD[name]


@pytest.mark.parametrize(
    "name", [name for name in ODD if name.endswith(("key.png", "alpha.png", "la.png", "rgba.webp"))]
)
def test_what_is_transparent_is_sent_on_white(name: str) -> None:
    found = sent(ODD[name])
    assert decoded(found).tobytes() == rgb_pixels(ODD[name], name).tobytes()


def test_a_black_logo_on_nothing_is_no_black_square_at_any_size() -> None:
    data = encoded(black_logo().resize((480, 320)), "PNG")
    for max_side in (480, 100):
        pixels = decoded(sent(data, max_side))
        assert pixels.getpixel((0, 0)) == (255, 255, 255)
        assert pixels.getpixel((pixels.width // 2, pixels.height // 2)) == (0, 0, 0)


@pytest.mark.parametrize("mode", ["P", "1"])
def test_few_colours_are_scaled_as_smoothly_as_many(mode: str) -> None:
    """Thin lines of a drawing: taking every eighth pixel would lose most of them."""
    drawing = Image.new("L", (1600, 1200), 255)
    draw = ImageDraw.Draw(drawing)
    for place in range(3, 1600, 23):
        draw.line((place, 0, place, 1199), fill=0, width=2)
    few, many = encoded(drawing.convert(mode), "PNG"), encoded(drawing.convert("RGB"), "PNG")
    small, wanted = (np.asarray(decoded(sent(data, 200))).astype(int) for data in (few, many))
    assert np.abs(small - wanted).max() <= 1
    assert len(np.unique(small)) > 5


def test_a_large_photograph_stays_a_jpeg_and_in_proportion() -> None:
    found = sent(encoded(picture().resize((960, 640)), "JPEG"), 100)
    assert found.url.startswith("data:image/jpeg;")
    assert (found.width, found.height) == decoded(found).size == (100, 67)


def test_what_cannot_be_decoded_is_a_failure() -> None:
    with pytest.raises(ItemError, match="cannot be decoded"):
        sent(ODD["rgba.png"][:200])
