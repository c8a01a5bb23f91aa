"""Cuts an image into blobs of the drawn world's colours.

A pixel is taken for a mixture of the background and one colour, as the edge of a scaled image is:
its offset from the background says which colour, by its direction, and how much of it, by its
length. More than half is foreground.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alignbench.scenes.drawing import BACKGROUND, BLACK, PALETTE
from alignbench.scenes.scene import FRAME, Colour

GRID = 128
"""Images are scaled to so many pixels a side before they are cut."""
SCALE = FRAME // GRID
"""Pixels of a drawn scene to one of the grid."""
_COLOURS: tuple[Colour | None, ...] = (None, *PALETTE)
_OFFSETS = np.array([BLACK, *PALETTE.values()], float) - np.array(BACKGROUND, float)
_LENGTHS = np.linalg.norm(_OFFSETS, axis=1)
_NOTHING = -1

Mask = NDArray[np.bool_]


class Blob(NamedTuple):
    """Connected pixels of one colour.

    Attributes:
        colour: None for black.
        mask: Its pixels, on the whole grid.
        purity: How well its colour agrees with the palette's: a cosine, 1 if it is the same hue.
        strength: Its colour's distance from the background, over that of the palette's colour.
    """

    colour: Colour | None
    mask: Mask
    purity: float
    strength: float

    @property
    def area(self) -> int:
        """Its area in pixels of a drawn scene."""
        return int(self.mask.sum()) * SCALE**2


class Box(NamedTuple):
    """The rows and columns of the grid that a mask takes, half-open."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """In pixels of a drawn scene."""
        return (self.bottom - self.top) * SCALE

    @property
    def width(self) -> int:
        """In pixels of a drawn scene."""
        return (self.right - self.left) * SCALE


def blobs(image: Image.Image) -> list[Blob]:
    """Cuts an image into blobs, the background left out."""
    scaled = image.convert("RGB").resize((GRID, GRID), Image.Resampling.BILINEAR)
    offsets = np.asarray(scaled, dtype=float) - np.array(BACKGROUND, float)
    lengths = np.linalg.norm(offsets, axis=2)
    cosines = offsets @ (_OFFSETS / _LENGTHS[:, None]).T / np.maximum(lengths, 1.0)[..., None]
    nearest = cosines.argmax(axis=2)
    amounts = lengths / _LENGTHS[nearest]
    classes = np.where(amounts > 0.5, nearest, _NOTHING)
    labels = _connected(classes)
    found = []
    for label in np.unique(labels[classes != _NOTHING]):
        mask = labels == label
        index = int(classes[mask][0])
        found.append(
            Blob(
                _COLOURS[index],
                mask,
                float(np.median(cosines[..., index][mask])),
                float(np.median(amounts[mask])),
            )
        )
    return found


def box_of(mask: Mask) -> Box:
    """Gives the smallest box around a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def cropped(mask: Mask, side: int) -> Mask:
    """Cuts the box around a mask out and scales it to a square of `side` pixels."""
    box = box_of(mask)
    part = Image.fromarray(mask[box.top : box.bottom, box.left : box.right])
    scaled = part.convert("L").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(scaled) > 127


def overlap(one: Mask, other: Mask) -> float:
    """Gives the intersection over the union of two masks of one shape."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def _connected(classes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Labels pixels so that side-by-side ones of one class share a label: the largest index."""
    labels = np.arange(classes.size).reshape(classes.shape)
    same_across, same_down = classes[:, 1:] == classes[:, :-1], classes[1:] == classes[:-1]
    while True:
        before = labels.copy()
        for left, right, same in (
            (labels[:, :-1], labels[:, 1:], same_across),
            (labels[:-1], labels[1:], same_down),
        ):
            np.maximum(left, right, out=left, where=same)
            np.maximum(right, left, out=right, where=same)
        labels = np.take(labels, labels)  # a label is a pixel: take over that pixel's own
        if np.array_equal(labels, before):
            return labels
