"""Dealing a round out: from the tables to rows of table `assignments`, in one part.

Nothing on the server is changed here. A run that is killed right after it has written, or right
before, leaves tables from which the next one goes on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.asked import AskedUnits
from alignbench.annotation.assigning.elsewhere import NOTHING_ELSEWHERE, answered_elsewhere
from alignbench.annotation.assigning.questions import PURPOSES, RoundQuestions
from alignbench.annotation.assigning.replies import MOST_SKIPS
from alignbench.annotation.assigning.rewriting import Moves, changed_rows
from alignbench.annotation.assigning.standings import (
    BARRED,
    Cells,
    Counts,
    Deal,
    Marks,
    Standing,
    Standings,
    Team,
    Units,
)
from alignbench.annotation.rounds.forms import in_control
from alignbench.schemas.fence import Fence, no_fence
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import ASSIGNMENTS
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.tables.numbered import Numbers
from alignbench.workspace.workspace import Workspace

Begun = Callable[[str, Collection[str]], Collection[str]]
"""Gives the units that somebody has begun, of those that are open for them."""
Deals = Callable[[Units, Team, Standings], Deal]
"""Deals units out to a team, given where everybody stands."""


@dataclass
class Dealt:
    """What dealing came to.

    Attributes:
        opened: How many questions were put to somebody.
        taken_back: How many were taken back.
        lacking: How many answers nobody could be found for.
        skipped: Units that too many people have skipped.
    """

    opened: int = 0
    taken_back: int = 0
    lacking: int = 0
    skipped: list[str] = field(default_factory=list)


class RoundDealer:
    """Deals out one round."""

    def __init__(
        self,
        workspace: Workspace,
        form: Round,
        asked: AskedUnits,
        *,
        doubtful: frozenset[str] = frozenset(),
        again: bool = False,
    ) -> None:
        """Reads what has become of the round.

        Args:
            workspace: Whose tables.
            form: The round.
            asked: What it asks about.
            doubtful: Sentences whose votes so far leave a doubt.
            again: Put a unit to people who answered it in another round too.
        """
        self._workspace = workspace
        self._form = form
        self._asked = asked
        self._questions = RoundQuestions(workspace, form.round, asked.unit_ids)
        self._barred = (
            NOTHING_ELSEWHERE if again else answered_elsewhere(workspace, form.round, asked)
        )
        here = slice(len(asked))
        places = self._questions.places()
        self._places = places.total[here]
        self._skipped: Marks = self._questions.skips[here] >= MOST_SKIPS
        self._in_full = self._images_in_full()[asked.images]
        further = asked.with_any_of(doubtful) & (places.open[here] == 0)
        self._wanted = self._votes_wanted(further)

    @property
    def holders(self) -> frozenset[str]:
        """Everybody who has been asked something in the round."""
        return frozenset(self._questions.holders)

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
        people = sorted(self.holders | team.active | team.paused)
        dealt = self._deal_around_what_is_begun(deals, people, team, begun)
        moves = Moves(people, dealt, self._purposes(), self._waves())
        changes = changed_rows(self._questions, moves)
        fence()
        self._workspace.table(ASSIGNMENTS).append_batches(changes, run_id)
        opened = int(np.count_nonzero(dealt.is_open))
        return Dealt(
            opened,
            len(dealt.is_open) - opened,
            int(dealt.lacking.sum()),
            self._asked.unit_ids.filter(pa.array(self._skipped)).to_pylist(),
        )

    def _deal_around_what_is_begun(
        self, deals: Deals, people: Sequence[str], team: Team, begun: Begun
    ) -> Deal:
        """Deals, and deals again as long as it takes from people of whom it is not known yet.

        The server is asked about people from whom something would be taken back, and of nobody
        else. What is taken back from one who is out of the team need not be looked at.
        """
        units = Units(self._asked.image_ids, self._asked.image_starts, self._wanted)
        cells = self._cells(people)
        known: dict[str, Collection[str]] = {}
        while True:
            dealt = deals(units, team, Standings(people, cells))
            givers = {people[one] for one in np.unique(dealt.people[~dealt.is_open])}
            new = givers & (team.active | team.paused) - known.keys()
            if not new:
                return dealt
            for name in sorted(new):
                known[name] = begun(name, self._questions.open_of(name))
                self._note_begun(cells[:, people.index(name)], known[name])

    def _cells(self, people: Sequence[str]) -> Cells:
        """Returns where everybody stands with what is asked about; nothing of it is begun."""
        cells = np.zeros((len(self._asked), len(people)), np.uint8)
        column_of = {name: column for column, name in enumerate(people)}
        questions, barred = self._questions, self._barred
        here = questions.units < len(self._asked)
        columns = _columns(questions.people, column_of)[questions.annotators[here]]
        cells[questions.units[here], columns] = questions.standings()[here]
        columns = _columns(barred.people, column_of)[barred.annotators]
        cells[barred.units[columns >= 0], columns[columns >= 0]] |= BARRED
        return cells

    def _note_begun(self, cells: Cells, begun: Collection[str]) -> None:
        """Notes in somebody's cells what they have begun."""
        ids = pa.array(list(begun), pa.string())
        rows = pc.index_in(ids, value_set=self._asked.unit_ids).drop_null().to_numpy()
        waiting = rows[cells[rows] % BARRED == Standing.WAITING]
        cells[waiting] += Standing.BEGUN - Standing.WAITING

    def _votes_wanted(self, further: Marks) -> Counts:
        """Returns how many votes each unit is to have by now.

        One in doubt gets a further vote once all that were asked for are there, so that dealing
        again before it has come adds nothing. One that was skipped too often keeps what it has.

        Args:
            further: Which units are in doubt with nothing open.
        """
        form = self._form
        wanted = np.clip(self._places + further, form.first, form.most)
        wanted = np.where(self._in_full, form.most, wanted)
        wanted = np.where(self._asked.votes >= 0, self._asked.votes, wanted)
        kept = np.where(self._skipped, np.minimum(wanted, self._places), wanted)
        return kept.astype(np.int32)

    def _images_in_full(self) -> Marks:
        """Tells of which images all units are put to as many people as any is at most.

        Where one of them is gold, the others go to the same people as it does: if it stood alone
        among images that are whole, it would be known for gold.
        """
        image_ids = self._asked.image_ids
        found = np.array([in_control(self._form, one) for one in image_ids.to_pylist()], np.bool_)
        found[self._asked.images[self._asked.is_gold]] = True
        return found

    def _waves(self) -> Numbers:
        """Returns for which votes each unit would be put to somebody now."""
        waves = np.maximum(1, self._places - self._form.first + 2)
        return np.where(self._in_full, 1, waves)

    def _purposes(self) -> Numbers:
        gold, label = PURPOSES.index(Purpose.GOLD), PURPOSES.index(Purpose.LABEL)
        return np.where(self._asked.is_gold, gold, label)


def _columns(people: Sequence[str], column_of: Mapping[str, int]) -> Numbers:
    return np.array([column_of.get(name, -1) for name in people], np.int64)
