"""The pictures that models are tried with: drawn, no two alike, of different shapes."""

from typing import Final, NamedTuple

from PIL import Image, ImageDraw

_WIDE: Final = (160, 96)
_TALL: Final = (112, 176)


class ProbePictures(NamedTuple):
    """Pictures in RGB.

    Attributes:
        wide: A red disc on blue.
        other: As large as `wide`, with something else in it.
        tall: Of another shape.
    """

    wide: Image.Image
    other: Image.Image
    tall: Image.Image


def probe_pictures() -> ProbePictures:
    """Draws the pictures, the same each time."""
    wide = Image.new("RGB", _WIDE, (30, 60, 200))
    ImageDraw.Draw(wide).ellipse((40, 10, 120, 86), fill=(220, 30, 30))
    other = Image.new("RGB", _WIDE, (240, 230, 90))
    ImageDraw.Draw(other).rectangle((8, 40, 70, 90), fill=(20, 120, 40))
    tall = Image.new("RGB", _TALL, (200, 200, 200))
    ImageDraw.Draw(tall).polygon([(10, 160), (56, 20), (100, 160)], fill=(90, 20, 120))
    return ProbePictures(wide, other, tall)
