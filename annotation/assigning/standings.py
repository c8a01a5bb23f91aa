"""What is dealt, who can be asked, and where everybody stands: numbers and bytes, no objects.

A round may have a million units. So a unit and a person are numbers, and where one stands with the
other is a byte.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alignbench.workspace.tables.numbered import Numbers

Cells = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int32]
Marks = npt.NDArray[np.bool_]


class Standing(IntEnum):
    """Where one person stands with one unit."""

    NEVER_ASKED = 0
    """It was not dealt to them."""
    WAITING = 1
    """Open, and not begun: it can be handed on."""
    BEGUN = 2
    """Open, and answered, drafted, or about to come: it stays."""
    VOTED = 3
    """Answered by a vote that counts."""
    SPENT = 4
    """Skipped, or answered in a way that does not count: it is never put to this person again."""
    TAKEN_BACK = 5
    """Closed before it was begun: it may be put to this person again."""


BARRED: Final = 8
"""Added to the standing of somebody who may not be asked: they answered the unit elsewhere."""


class Units(NamedTuple):
    """What annotators are asked about at once, numbered in the order in which they get it.

    Attributes:
        image_ids: The images, in the same order; units of one image come one after another.
        starts: Number of the first unit of each image, and at the end how many units there are.
        wanted: How many votes each unit is to have.
    """

    image_ids: pa.Array
    starts: Numbers
    wanted: Counts


class Standings(NamedTuple):
    """Where everybody stands.

    Attributes:
        people: Names in alphabetical order: everybody who can be asked or has been asked something.
        cells: A `Standing` for each unit (row) and person (column), with `BARRED` or without.
    """

    people: Sequence[str]
    cells: Cells


class Team(NamedTuple):
    """Who can be asked.

    Attributes:
        active: Get work.
        paused: Get none; what they have not begun goes to others.
        joining: Of the active, those who take a share of what nobody has begun.
    """

    active: frozenset[str]
    paused: frozenset[str] = frozenset()
    joining: frozenset[str] = frozenset()


class Deal(NamedTuple):
    """What is to change, by unit and name, and what is lacking.

    Attributes:
        units: Of each move, the unit that is put to somebody, or taken back from them.
        people: Of each move, the place of that person among the people.
        is_open: Of each move, whether it is put to them; no unit and person have two moves.
        lacking: For each unit, how many people it needs beyond those who can be asked.
    """

    units: Numbers
    people: Numbers
    is_open: Marks
    lacking: Counts
