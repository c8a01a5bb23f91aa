"""The pictures that models are tried with: drawn, no two alike, of different shapes."""

from typing import Final, NamedTuple

from PIL import Image, ImageDraw

_SMALL: Final = (40, 40)
_TALL: Final = (64, 320)


class ProbePictures(NamedTuple):
    """Pictures in RGB.

    Attributes:
        small: Small and square: a red disc on blue.
        other: As large, with something else in it.
        tall: Of a very different size and shape, so that it is cut into more tiles.
    """

    small: Image.Image
    other: Image.Image
    tall: Image.Image


def probe_pictures() -> ProbePictures:
    """Draws the pictures, the same each time."""
    small = Image.new("RGB", _SMALL, (30, 60, 200))
    ImageDraw.Draw(small).ellipse((8, 8, 32, 32), fill=(220, 30, 30))
    other = Image.new("RGB", _SMALL, (240, 230, 90))
    ImageDraw.Draw(other).rectangle((3, 13, 21, 30), fill=(20, 120, 40))
    tall = Image.new("RGB", _TALL, (200, 200, 200))
    ImageDraw.Draw(tall).polygon([(6, 290), (32, 20), (58, 290)], fill=(90, 20, 120))
    return ProbePictures(small, other, tall)
