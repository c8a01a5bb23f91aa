"""Dealing units out to people: a pure function of what there is, the same on every machine.

Each unit goes to as many different people as it is to have votes. The units of one image go to the
same people as far as they can, in their order, and everybody has about equally much left to do. A
place is taken by a vote and by an open question alike, so that dealing again adds nothing. There is
no clock and no draw here: ties are broken by a hash of image and name, which also mixes who works
beside whom.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np

from alignbench.annotation.assigning.standings import (
    BARRED,
    Cells,
    Deal,
    Marks,
    Standing,
    Standings,
    Team,
    Units,
)
from alignbench.workspace.tables.numbered import Numbers

_AT_ONCE: Final = 10_000
_CODES: Final = np.arange(2 * BARRED, dtype=np.uint8)
_IS_WAITING: Final = _CODES % BARRED == Standing.WAITING
_IS_OPEN: Final = _IS_WAITING | (_CODES % BARRED == Standing.BEGUN)
_HOLDS_A_PLACE: Final = _IS_OPEN | (_CODES % BARRED == Standing.VOTED)
_MAY_BE_ASKED: Final = (_CODES == Standing.NEVER_ASKED) | (_CODES == Standing.TAKEN_BACK)


def deal(units: Units, team: Team, standings: Standings) -> Deal:
    """Returns what must change so that every unit is put to as many people as are wanted.

    Args:
        units: All units of the round.
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
    units: Units, team: Team, standings: Standings, giver: str, takers: Collection[str]
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
    table.hand_over(giver, takers or team.active - {giver})
    return table.outcome()


class _Taker(NamedTuple):
    """Who takes something, and which units of its image."""

    person: int
    units: Marks


class _Table:
    """Units on the table: who holds which of them, while they are dealt."""

    def __init__(self, units: Units, team: Team, standings: Standings) -> None:
        self._image_ids, self._starts, wanted = units
        self._team = team
        self._people = standings.people
        self._names = [name.encode() for name in standings.people]
        self._before = standings.cells
        self._cells = standings.cells.copy()
        self._needed: Numbers = wanted.astype(np.int64)  # negative where there are too many
        self._load: Numbers = np.zeros(len(self._people), np.int64)
        for some in self._parts():
            self._needed[some] -= np.count_nonzero(_HOLDS_A_PLACE[self._cells[some]], axis=1)
            self._load += np.count_nonzero(_IS_OPEN[self._cells[some]], axis=0)

    def dismiss_strangers(self) -> None:
        """Takes back whatever is open of people who are not in the team."""
        there = self._team.active | self._team.paused
        for person in np.flatnonzero(~self._among(there)).tolist():
            self._take_back(np.flatnonzero(_IS_OPEN[self._cells[:, person]]), person)

    def relieve_paused(self) -> None:
        """Takes back what paused people have not begun; `fill` puts it to others."""
        for person in np.flatnonzero(self._among(self._team.paused)).tolist():
            self._take_back(self._waiting_for(person), person)

    def take_back_surplus(self) -> None:
        """Takes back what more people are asked about than is wanted, from those with most left."""
        crowded = np.flatnonzero(self._needed < 0)
        for unit in crowded[_IS_WAITING[self._cells[crowded]].any(axis=1)].tolist():
            [image] = self._images_of(np.array([unit])).tolist()
            waiting = np.flatnonzero(_IS_WAITING[self._cells[unit]]).tolist()
            for person in self._busiest_first(image, waiting)[: -int(self._needed[unit])]:
                self._take_back(np.array([unit]), person)

    def hand_over(self, giver: str, takers: Collection[str]) -> None:
        """Puts to others what one person has not begun."""
        if giver not in self._people:
            return
        person, may_take = self._people.index(giver), self._among(takers)
        for image in self._images_with(_IS_WAITING[self._cells[:, person]]):
            theirs = _IS_WAITING[self._cells_of(image)[:, person]]
            self._pass_on(image, theirs, person, may_take)

    def share_with_joining(self) -> None:
        """Passes whole images to those who join, last ones first, until all have equally much."""
        for name in sorted(self._team.joining & self._team.active):
            joiner, itself = self._people.index(name), self._among([name])
            for image in reversed(range(len(self._image_ids))):
                if self._load[joiner] + 1 > self._load.max() - 1:
                    break  # nobody could give away a single unit
                self._pass_to_joiner(joiner, itself, image)

    def fill(self) -> None:
        """Puts every unit to as many people as it lacks."""
        active = self._among(self._team.active)
        alike = self._alike_images()
        for image in self._images_with(self._needed > 0):
            if alike[image]:
                self._fill_alike(image, active)
                continue
            needed = self._needed[self._units_of(image)]
            while (found := self._taker(image, needed > 0, active)) is not None:
                self._put(image, found)

    def _fill_alike(self, image: int, active: Marks) -> None:
        """Puts an image whose units are alike to people, all of it to each: a shorter way to do so.

        Those who have least to do take it one after another, as if `_taker` were asked each time.
        """
        units = self._units_of(image)
        wanted = int(self._needed[units.start])
        people = np.flatnonzero(_MAY_BE_ASKED[self._cells[units.start]] & active)
        if len(people) > wanted:
            loads = self._load[people]
            last = np.partition(loads, wanted - 1)[wanted - 1]
            sure, equal = people[loads < last], people[loads == last]
            if len(equal) > wanted - len(sure):
                equal = equal[np.argsort(self._ties(image, equal.tolist()))]
            people = np.append(sure, equal[: wanted - len(sure)])
        self._cells[units, people] = Standing.WAITING
        self._needed[units] -= len(people)
        self._load[people] += units.stop - units.start

    def _alike_images(self) -> Marks:
        """Tells of each image whether all its units have the same standings and needs."""
        alike = np.ones(len(self._image_ids), np.bool_)
        for some in self._parts():
            first = max(some.start, 1)
            here, before = slice(first, some.stop), slice(first - 1, some.stop - 1)
            needed = self._needed[here]
            cells = self._cells[here]
            differs = needed != self._needed[before][: len(needed)]
            differs |= (cells != self._cells[before][: len(cells)]).any(axis=1)
            units = first + np.flatnonzero(differs)
            images = self._images_of(units)
            alike[images[self._starts[images] != units]] = False
        return alike

    def outcome(self) -> Deal:
        """Returns how the table differs from what it was."""
        places = [np.zeros((0, 2), np.int64)]
        for some in self._parts():
            changed = _IS_OPEN[self._cells[some]] != _IS_OPEN[self._before[some]]
            places.append(np.argwhere(changed) + np.array([some.start, 0]))
        units, people = np.concatenate(places).T
        lacking = np.maximum(self._needed, 0).astype(np.int32)
        return Deal(units, people, _IS_OPEN[self._cells[units, people]], lacking)

    def _pass_to_joiner(self, joiner: int, itself: Marks, image: int) -> None:
        """Passes an image's units to a joiner, from whoever has most left of those who hold them.

        Nothing is passed that would leave the giver with less than the joiner.
        """
        cells = self._cells_of(image)
        may_join = _MAY_BE_ASKED[cells[:, joiner]]
        waiting = _IS_WAITING[cells]
        holders = [one for one in np.flatnonzero(waiting.any(axis=0)).tolist() if one != joiner]
        for giver in self._busiest_first(image, holders):
            theirs = waiting[:, giver] & may_join
            passed = np.count_nonzero(theirs)
            if passed and self._load[joiner] + passed <= self._load[giver] - passed:
                self._pass_on(image, theirs, giver, itself)
                return

    def _pass_on(self, image: int, units: Marks, giver: int, takers: Marks) -> None:
        left = units.copy()
        while (found := self._taker(image, left, takers)) is not None:
            self._take_back(self._starts[image] + np.flatnonzero(found.units), giver)
            self._put(image, found)
            left &= ~found.units

    def _taker(self, image: int, units: Marks, people: Marks) -> _Taker | None:
        """Returns who can be asked about most of these units, has least to do, and what it is."""
        can_take = _MAY_BE_ASKED[self._cells_of(image)] & units[:, np.newaxis] & people
        counts = np.count_nonzero(can_take, axis=0)
        most = counts.max(initial=0)
        if not most:
            return None
        with_most = np.flatnonzero(counts == most)
        loads = self._load[with_most]
        least = with_most[loads == loads.min()].tolist()
        person = (
            least[0]
            if len(least) == 1
            else min(zip(self._ties(image, least), least, strict=True))[1]
        )
        return _Taker(person, can_take[:, person])

    def _busiest_first(self, image: int, people: Sequence[int]) -> list[int]:
        loads = self._load[people].tolist()
        is_tie = len(set(loads)) < len(loads)
        ties = self._ties(image, people) if is_tie else [b""] * len(people)
        ranked = sorted(zip([-load for load in loads], ties, people, strict=True))
        return [person for *_, person in ranked]

    def _ties(self, image: int, people: Sequence[int]) -> list[bytes]:
        """Returns what orders people who are equal otherwise, in another way for each image."""
        of_image = f"{self._image_ids[image].as_py()} ".encode()
        return [sha256(of_image + self._names[person]).digest() for person in people]

    def _among(self, names: Collection[str]) -> Marks:
        return np.array([name in names for name in self._people], np.bool_)

    def _images_with(self, units: Marks) -> Iterator[int]:
        """Yields the images that have one of these units, in order."""
        yield from np.unique(self._images_of(np.flatnonzero(units))).tolist()

    def _images_of(self, units: Numbers) -> Numbers:
        return np.searchsorted(self._starts, units, side="right") - 1

    def _parts(self) -> Iterator[slice]:
        """Yields all units, some at a time: what is worked out of cells takes more than they do."""
        for start in range(0, len(self._cells), _AT_ONCE):
            yield slice(start, start + _AT_ONCE)

    def _units_of(self, image: int) -> slice:
        return slice(int(self._starts[image]), int(self._starts[image + 1]))

    def _cells_of(self, image: int) -> Cells:
        return self._cells[self._units_of(image)]

    def _waiting_for(self, person: int) -> Numbers:
        return np.flatnonzero(_IS_WAITING[self._cells[:, person]])

    def _put(self, image: int, taken: _Taker) -> None:
        units = self._units_of(image)
        self._cells[units, taken.person][taken.units] = Standing.WAITING
        self._needed[units][taken.units] -= 1
        self._load[taken.person] += np.count_nonzero(taken.units)

    def _take_back(self, units: Numbers, person: int) -> None:
        kept = self._cells[units, person] & BARRED
        self._cells[units, person] = kept | int(Standing.TAKEN_BACK)
        self._needed[units] += 1
        self._load[person] -= len(units)
