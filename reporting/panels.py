"""Small multiples with margins in inches: no solver, whose time grows with every panel."""

from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_RIGHT: Final = 0.25


class Margins(NamedTuple):
    """What stands around and between panels, in inches.

    Attributes:
        left: Room for the names at the left.
        gap: Between two panels beside each other.
        top: Above the first row; titles and a legend stand there.
        bottom: Below the last row.
        between: Between two rows, for titles and ticks.
    """

    left: float
    gap: float = 0.3
    top: float = 0.35
    bottom: float = 0.55
    between: float = 0.55


def panels(
    count: int,
    across: int,
    size: tuple[float, float],
    margins: Margins,
) -> tuple[Figure, list[Axes]]:
    """Returns a figure and its panels, row after row.

    Args:
        count: How many panels there are.
        across: How many stand beside each other.
        size: Width and height of each, in inches.
        margins: What stands around them.
    """
    down = -(-count // across)
    width = margins.left + across * size[0] + (across - 1) * margins.gap + _RIGHT
    height = margins.top + down * size[1] + (down - 1) * margins.between + margins.bottom
    figure = Figure(figsize=(width, height))
    found = []
    for place in range(count):
        row, column = divmod(place, across)
        left = margins.left + column * (size[0] + margins.gap)
        lower = height - margins.top - row * (size[1] + margins.between) - size[1]
        box = (left / width, lower / height, size[0] / width, size[1] / height)
        found.append(figure.add_axes(box))
    return figure, found
