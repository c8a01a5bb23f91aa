"""A hash that is the same, or nearly so, for images that look the same.

The difference hash needs a few lines of Pillow; the `imagehash` library would bring SciPy and
PyWavelets along for it.
"""

from itertools import pairwise
from typing import Final

from PIL import Image

from alignbench.models.pixels import opened_image, shown_pixels
from alignbench.models.sixteen_bits import eight_bits

_SIDE: Final = 8


def difference_hash_of_file(data: bytes) -> str:
    """Returns the difference hash of an encoded image.

    Raises:
        OSError: It is none of the formats, or damaged; decoders raise other errors too.
    """
    with opened_image(data) as image:
        return difference_hash(eight_bits(image, data))


def difference_hash(image: Image.Image) -> str:
    """Returns the 64-bit difference hash ("dHash") of an image as 16 hexadecimal digits.

    The image is shrunk to 9 x 8 grey pixels; each bit says whether a pixel is brighter than its
    left neighbour, row by row. Few differing bits mean a near-duplicate. It is taken of the picture
    as it is shown, transparent parts white. After N. Krawetz, "Kind of Like That" (The Hacker
    Factor Blog, 2013).
    """
    grey = (
        shown_pixels(image).convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX).tobytes()
    )
    bits = 0
    for start in range(0, len(grey), _SIDE + 1):
        for left, right in pairwise(grey[start : start + _SIDE + 1]):
            bits = bits << 1 | (right > left)
    return f"{bits:016x}"
