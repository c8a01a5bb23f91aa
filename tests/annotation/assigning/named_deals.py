"""Deals by the names of units and people, which the dealer numbers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.annotation.assigning import dealer
from alignbench.annotation.assigning.standings import BARRED, Deal, Standing, Standings, Team, Units


class Unit(NamedTuple):
    unit_id: str
    image_id: str
    wanted: int
    barred: Collection[str] = frozenset()


class Move(NamedTuple):
    unit_id: str
    annotator: str
    is_open: bool


class NamedDeal(NamedTuple):
    moves: list[Move]
    lacking: dict[str, int]


NamedStandings = Mapping[str, Mapping[str, Standing]]


def deal(units: Sequence[Unit], team: Team, standings: NamedStandings) -> NamedDeal:
    return _named(dealer.deal, units, team, standings)


def hand_over(
    units: Sequence[Unit],
    team: Team,
    standings: NamedStandings,
    giver: str,
    takers: Collection[str],
) -> NamedDeal:
    return _named(partial(dealer.hand_over, giver=giver, takers=takers), units, team, standings)


def _named(
    deals: Callable[[Units, Team, Standings], Deal],
    units: Sequence[Unit],
    team: Team,
    standings: NamedStandings,
) -> NamedDeal:
    asked = {name for unit in units for name in standings.get(unit.unit_id, {})}
    people = sorted(team.active | team.paused | asked)
    cells = np.zeros((len(units), len(people)), np.uint8)
    for row, unit in enumerate(units):
        for name, standing in standings.get(unit.unit_id, {}).items():
            cells[row, people.index(name)] = standing
        for name in unit.barred:
            if name in people:
                cells[row, people.index(name)] |= BARRED
    images = [(image, len(list(own))) for image, own in groupby(units, lambda one: one.image_id)]
    numbered = Units(
        pa.array([image for image, _ in images], pa.string()),
        np.cumsum([0, *(count for _, count in images)]),
        np.array([unit.wanted for unit in units], np.int32),
    )
    dealt = deals(numbered, team, Standings(people, cells))
    moves = [
        Move(units[unit].unit_id, people[person], bool(is_open))
        for unit, person, is_open in zip(
            dealt.units.tolist(), dealt.people.tolist(), dealt.is_open.tolist(), strict=True
        )
    ]
    lacking = {
        unit.unit_id: count
        for unit, count in zip(units, dealt.lacking.tolist(), strict=True)
        if count
    }
    return NamedDeal(moves, lacking)
