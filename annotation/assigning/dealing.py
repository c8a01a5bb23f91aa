"""Dealing a round out: from the tables to rows of table `assignments`, in one part.

Nothing on the server is changed here. A run that is killed right after it has written, or right
before, leaves tables from which the next one goes on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from alignbench.annotation.assigning.dealer import Deal, Standing, Standings, Team, Unit
from alignbench.annotation.assigning.standings import (
    MOST_SKIPS,
    Question,
    RoundStandings,
    answered_elsewhere,
)
from alignbench.annotation.rounds.forms import in_control
from alignbench.schemas.fence import Fence, no_fence
from alignbench.schemas.rows import Round
from alignbench.schemas.tables import ASSIGNMENTS
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.workspace import Workspace

Begun = Callable[[str, Collection[str]], Collection[str]]
"""Gives the units that somebody has begun, of those that are open for them."""
Deals = Callable[[Sequence[Unit], Team, Standings], Deal]
"""Deals units out to a team, given where everybody stands."""


class Asked(NamedTuple):
    """A unit that a round asks about.

    Attributes:
        unit_id: Its id.
        image_id: Its image.
        purpose: Why it is asked about.
        sentence_ids: Its sentences; empty if it is one itself.
        votes: How many votes it is to have; None leaves that to the round's form.
    """

    unit_id: str
    image_id: str
    purpose: Purpose
    sentence_ids: tuple[str, ...] = ()
    votes: int | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """The ids of its sentences."""
        return self.sentence_ids or (self.unit_id,)


@dataclass
class Dealt:
    """What dealing came to.

    Attributes:
        opened: How many questions were put to somebody.
        taken_back: How many were taken back.
        lacking: How many places nobody could be found for, by unit.
        skipped: Units that too many people have skipped.
    """

    opened: int = 0
    taken_back: int = 0
    lacking: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


class RoundDealer:
    """Deals out one round."""

    def __init__(
        self,
        workspace: Workspace,
        form: Round,
        asked: Sequence[Asked],
        *,
        doubtful: frozenset[str] = frozenset(),
        again: bool = False,
    ) -> None:
        """Reads what has become of the round.

        Args:
            workspace: Whose tables.
            form: The round.
            asked: What it asks about, the units of an image one after another.
            doubtful: Sentences whose votes so far leave a doubt.
            again: Put a unit to people who answered it in another round too.
        """
        self._workspace = workspace
        self._form = form
        self._asked = asked
        self._doubtful = {one.unit_id for one in asked if not doubtful.isdisjoint(one.sentences)}
        self._standings = RoundStandings(workspace, form.round)
        self._places = self._standings.places()
        self._barred = {} if again else self._answered_elsewhere()
        self._purposes = {one.unit_id: one.purpose for one in asked}
        self._gold_images = {one.image_id for one in asked if one.purpose is Purpose.GOLD}

    def _answered_elsewhere(self) -> Mapping[str, Collection[str]]:
        """Returns, by unit, who has answered any of its sentences in another round."""
        ids = pa.array([key for one in self._asked for key in one.sentences], pa.string())
        people_of = answered_elsewhere(self._workspace, self._form.round, ids)
        return {
            one.unit_id: people
            for one in self._asked
            if (people := set().union(*(people_of.get(key, ()) for key in one.sentences)))
        }

    @property
    def holders(self) -> frozenset[str]:
        """Everybody who has been asked something in the round."""
        return frozenset(question.annotator for question in self._standings.rows)

    def deal(
        self,
        deals: Deals,
        team: Team,
        begun: Begun,
        run_id: str,
        *,
        fence: Fence = no_fence,
    ) -> Dealt:
        """Deals the round out and writes what changes.

        Args:
            deals: How.
            team: Who can be asked.
            begun: Tells what people have begun; asked of those only from whom something would be
                taken back.
            run_id: Stamped on the rows.
            fence: Asked before anything is written.
        """
        result = Dealt()
        skipped = [one for one in self._asked if self._standings.skips(one.unit_id) >= MOST_SKIPS]
        result.skipped = [one.unit_id for one in skipped]
        units = self._units(frozenset(result.skipped))
        units_by_id = {unit.unit_id: unit for unit in units}
        dealt = self._deal_around_what_is_begun(deals, units, team, begun)
        for move in dealt.moves:
            question = Question(move.unit_id, move.annotator)
            if move.is_open:
                purpose, wave = self._purposes[move.unit_id], self._wave(units_by_id[move.unit_id])
                self._standings.set_open(question, purpose, wave)
                result.opened += 1
            else:
                self._standings.set_closed(question)
                result.taken_back += 1
        result.lacking = dealt.lacking
        fence()
        self._workspace.table(ASSIGNMENTS).append(self._standings.unwritten(), run_id)
        return result

    def _deal_around_what_is_begun(
        self, deals: Deals, units: Sequence[Unit], team: Team, begun: Begun
    ) -> Deal:
        """Deals, and deals again as long as it takes from people of whom it is not known yet.

        The server is asked about people from whom something would be taken back, and of nobody
        else. What is taken back from one who is out of the team need not be looked at.
        """
        known: dict[str, Collection[str]] = {}
        while True:
            dealt = deals(units, team, self._where_everybody_stands(known))
            givers = {move.annotator for move in dealt.moves if not move.is_open}
            new = givers & (team.active | team.paused) - known.keys()
            if not new:
                return dealt
            for name in sorted(new):
                known[name] = begun(name, self._standings.open_of(name))

    def _where_everybody_stands(self, begun: Mapping[str, Collection[str]]) -> Standings:
        standings: dict[str, dict[str, Standing]] = {}
        for question in self._standings.rows:
            is_begun = question.unit_id in begun.get(question.annotator, ())
            standing = self._standings.standing(question, is_begun)
            standings.setdefault(question.unit_id, {})[question.annotator] = standing
        return standings

    def _units(self, skipped: Collection[str]) -> list[Unit]:
        """Returns what is wanted of each unit; one that was skipped too often keeps what it has."""
        units: list[Unit] = []
        for one in self._asked:
            wanted = self._wanted(one)
            if one.unit_id in skipped:
                wanted = min(wanted, self._places[one.unit_id].total)
            barred = self._barred.get(one.unit_id, ())
            units.append(Unit(one.unit_id, one.image_id, wanted, barred))
        return units

    def _wanted(self, asked: Asked) -> int:
        """Returns how many votes a unit is to have by now.

        One in doubt gets a further vote once all that were asked for are there, so that dealing
        again before it has come adds nothing.
        """
        if asked.votes is not None:
            return asked.votes
        form = self._form
        if self._is_in_full(asked.image_id):
            return form.most
        places = self._places[asked.unit_id]
        further = asked.unit_id in self._doubtful and not places.open
        return min(form.most, max(form.first, places.total + further))

    def _is_in_full(self, image_id: str) -> bool:
        """Tells whether all units of an image are put to as many people as any is at most.

        Where one of them is gold, the others go to the same people as it does: if it stood alone
        among images that are whole, it would be known for gold.
        """
        return image_id in self._gold_images or in_control(self._form, image_id)

    def _wave(self, unit: Unit) -> int:
        if self._is_in_full(unit.image_id):
            return 1
        return max(1, self._places[unit.unit_id].total - self._form.first + 2)
