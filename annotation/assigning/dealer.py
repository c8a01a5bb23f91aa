"""Dealing units out to people: a pure function of what there is, the same on every machine.

Each unit goes to as many different people as it is to have votes. The units of one image go to the
same people as far as they can, in their order, and everybody has about equally much left to do. A
place is taken by a vote and by an open question alike, so that dealing again adds nothing. There is
no clock and no draw here: ties are broken by a hash of image and name, which also mixes who works
beside whom.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from alignbench.schemas.ids import sha256_hex


class Standing(StrEnum):
    """Where one person stands with one unit that was dealt to them."""

    WAITING = "waiting"
    """Open, and not begun: it can be handed on."""
    BEGUN = "begun"
    """Open, and answered, drafted, or about to come: it stays."""
    VOTED = "voted"
    """Answered by a vote that counts."""
    SPENT = "spent"
    """Skipped, or answered in a way that does not count: it is never put to this person again."""
    TAKEN_BACK = "taken back"
    """Closed before it was begun: it may be put to this person again."""


_OPEN = (Standing.WAITING, Standing.BEGUN)
_HOLDS_A_PLACE = (*_OPEN, Standing.VOTED)


class Unit(NamedTuple):
    """What an annotator is asked about at once.

    Attributes:
        unit_id: Its id.
        image_id: Its image; units of one image come one after another.
        wanted: How many votes it is to have.
        barred: People who may not be asked: they answered it elsewhere.
    """

    unit_id: str
    image_id: str
    wanted: int
    barred: Collection[str] = frozenset()


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


class Move(NamedTuple):
    """A question that is put to somebody, or taken back from them."""

    unit_id: str
    annotator: str
    is_open: bool


@dataclass
class Deal:
    """What is to change, and what is lacking.

    Attributes:
        moves: At most one for each unit and person.
        lacking: For each unit that too few people can be asked about, how many more it needs.
    """

    moves: list[Move] = field(default_factory=list)
    lacking: dict[str, int] = field(default_factory=dict)


Standings = Mapping[str, Mapping[str, Standing]]
"""Where everybody stands, by unit and person."""


def deal(units: Sequence[Unit], team: Team, standings: Standings) -> Deal:
    """Returns what must change so that every unit is put to as many people as are wanted.

    Args:
        units: All units of the round, those of an image one after another.
        team: Who can be asked. Of anybody else, what is open is taken back.
        standings: Where everybody stands.
    """
    table = _Table(units, team, standings)
    table.dismiss_strangers()
    table.relieve_paused()
    table.take_back_surplus()
    table.share_with_joining()
    table.fill()
    return table.outcome()


def hand_over(
    units: Sequence[Unit],
    team: Team,
    standings: Standings,
    giver: str,
    takers: Collection[str],
) -> Deal:
    """Returns what must change so that others do what somebody has not begun.

    What none of them can be asked about stays where it is.

    Args:
        units: As in `deal`.
        team: As in `deal`.
        standings: As in `deal`.
        giver: Whose work it is.
        takers: Who does it; all other active people if empty.
    """
    table = _Table(units, team, standings)
    table.hand_over(giver, sorted(takers or team.active - {giver}))
    return table.outcome()


class _Table:
    """Units on the table: who holds which of them, while they are dealt."""

    def __init__(self, units: Sequence[Unit], team: Team, standings: Standings) -> None:
        self._images = [list(of_image) for _, of_image in groupby(units, lambda u: u.image_id)]
        self._team = team
        self._before = standings
        self._now = {unit.unit_id: dict(standings.get(unit.unit_id, {})) for unit in units}
        self._load: Counter[str] = Counter()
        for people in self._now.values():
            self._load.update(name for name, standing in people.items() if standing in _OPEN)

    def dismiss_strangers(self) -> None:
        """Takes back whatever is open of people who are not in the team."""
        there = self._team.active | self._team.paused
        for unit_id, people in self._now.items():
            for name in [n for n, s in people.items() if s in _OPEN and n not in there]:
                self._take_back(unit_id, name)

    def relieve_paused(self) -> None:
        """Takes back what paused people have not begun; `fill` puts it to others."""
        for unit_id, people in self._now.items():
            for name in self._team.paused & people.keys():
                if people[name] is Standing.WAITING:
                    self._take_back(unit_id, name)

    def take_back_surplus(self) -> None:
        """Takes back what more people are asked about than is wanted, from those with most left."""
        for unit in self._units():
            surplus = -self._needed(unit)
            waiting = self._waiting(unit)
            waiting.sort(key=lambda name: (-self._load[name], _tie(unit.image_id, name)))
            for name in waiting[: max(0, surplus)]:
                self._take_back(unit.unit_id, name)

    def hand_over(self, giver: str, takers: Sequence[str]) -> None:
        """Puts to others what one person has not begun."""
        for units in self._images:
            self._pass_on([unit for unit in units if giver in self._waiting(unit)], giver, takers)

    def share_with_joining(self) -> None:
        """Passes whole images to those who join, last ones first, until all have equally much."""
        for name in sorted(self._team.joining & self._team.active):
            for units in reversed(self._images):
                self._pass_to_joiner(name, units)

    def fill(self) -> None:
        """Puts every unit to as many people as it lacks."""
        for units in self._images:
            self._fill_image(units, sorted(self._team.active))

    def outcome(self) -> Deal:
        """Returns how the table differs from what it was."""
        result = Deal()
        for unit in self._units():
            before = self._before.get(unit.unit_id, {})
            for name, standing in sorted(self._now[unit.unit_id].items()):
                was_open = before.get(name) in _OPEN
                if was_open != (standing in _OPEN):
                    result.moves.append(Move(unit.unit_id, name, not was_open))
            needed = self._needed(unit)
            if needed > 0:
                result.lacking[unit.unit_id] = needed
        return result

    def _pass_to_joiner(self, joiner: str, units: Sequence[Unit]) -> None:
        """Passes an image's units to a joiner, from whoever has most left of those who hold them.

        Nothing is passed that would leave the giver with less than the joiner.
        """
        holders = {name for unit in units for name in self._waiting(unit)} - {joiner}
        for giver in sorted(holders, key=lambda n: (-self._load[n], _tie(units[0].image_id, n))):
            theirs = [
                unit
                for unit in units
                if giver in self._waiting(unit) and self._may_be_asked(joiner, unit)
            ]
            if theirs and self._load[joiner] + len(theirs) <= self._load[giver] - len(theirs):
                self._pass_on(theirs, giver, [joiner])
                return

    def _pass_on(self, units: Sequence[Unit], giver: str, takers: Sequence[str]) -> None:
        left = list(units)
        while (found := self._taker(left, takers)) is not None:
            taker, taken = found
            for unit in taken:
                self._take_back(unit.unit_id, giver)
                self._put(unit.unit_id, taker)
            left = [unit for unit in left if unit not in taken]

    def _fill_image(self, units: Sequence[Unit], people: Sequence[str]) -> None:
        while True:
            needy = [unit for unit in units if self._needed(unit) > 0]
            found = self._taker(needy, people)
            if found is None:
                return
            taker, taken = found
            for unit in taken:
                self._put(unit.unit_id, taker)

    def _taker(self, units: Sequence[Unit], people: Sequence[str]) -> tuple[str, list[Unit]] | None:
        """Returns who can be asked about most of these units, has least to do, and what it is."""
        best: tuple[int, int] | None = None
        chosen: list[tuple[str, list[Unit]]] = []
        closed_to = [(unit, self._not_to_be_asked(unit)) for unit in units]
        for name in people:
            theirs = [unit for unit, closed in closed_to if name not in closed]
            if not theirs:
                continue
            rank = (-len(theirs), self._load[name])
            if best is None or rank < best:
                best, chosen = rank, []
            if rank == best:
                chosen.append((name, theirs))
        if not chosen:
            return None
        return min(chosen, key=lambda found: _tie(units[0].image_id, found[0]))

    def _may_be_asked(self, name: str, unit: Unit) -> bool:
        return name not in self._not_to_be_asked(unit)

    def _not_to_be_asked(self, unit: Unit) -> set[str]:
        people = self._now[unit.unit_id]
        return {n for n, standing in people.items() if standing is not Standing.TAKEN_BACK}.union(
            unit.barred
        )

    def _needed(self, unit: Unit) -> int:
        """Returns how many places are free; a negative number where there are too many."""
        standings = self._now[unit.unit_id].values()
        return unit.wanted - sum(standing in _HOLDS_A_PLACE for standing in standings)

    def _waiting(self, unit: Unit) -> list[str]:
        people = self._now[unit.unit_id]
        return [name for name, standing in people.items() if standing is Standing.WAITING]

    def _units(self) -> Iterator[Unit]:
        for units in self._images:
            yield from units

    def _put(self, unit_id: str, name: str) -> None:
        self._now[unit_id][name] = Standing.WAITING
        self._load[name] += 1

    def _take_back(self, unit_id: str, name: str) -> None:
        self._now[unit_id][name] = Standing.TAKEN_BACK
        self._load[name] -= 1


def _tie(image_id: str, name: str) -> str:
    return sha256_hex(f"{image_id} {name}".encode())
