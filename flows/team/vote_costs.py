"""What it costs to settle what is in doubt, in rounds that ask for votes as they are needed."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow.compute as pc

from alignbench.annotation.assigning.asked import AskedUnits
from alignbench.annotation.assigning.doubts import doubtful_sentences
from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.replies import MOST_SKIPS
from alignbench.flows.asking.round_inputs import asked_units
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.sentences import current_selection
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import ANNOTATIONS, ROUNDS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, Purpose
from alignbench.workspace.tables.numbered import Numbers
from alignbench.workspace.workspace import Workspace

if TYPE_CHECKING:
    from alignbench.release.labels.stopping import UntilCheck

LONGEST_ANSWER: Final = 300.0
"""Seconds that an answer counts as at most: a page may be left open over lunch."""


class VoteCost(NamedTuple):
    """What it costs to settle what is in doubt in a round.

    Attributes:
        round: The round.
        unit: What it asks about.
        until: How sure its labels are to be.
        in_doubt: How many units are less sure than that.
        now: How many of them the next push puts to one person more.
        likely: How many more answers they are likely to need in the end, by how many the sentences
            of the control sample needed; None as long as that says nothing of one of them.
        most: How many they can need.
        hours: How long `likely` answers take, or else `most`; None if no time is known.
    """

    round: str
    unit: AnnotationUnit
    until: float
    in_doubt: int
    now: int
    likely: float | None
    most: int
    hours: float | None

    @property
    def line(self) -> str:
        """What it says, in words."""
        answers = (
            f"at most {self.most:,} more answers"
            if self.likely is None
            else f"about {self.likely:,.0f} more answers ({self.most:,} at most)"
        )
        time = "" if self.hours is None else f", about {self.hours:,.1f} hours of work"
        return (
            f"round {self.round}: {self.in_doubt:,} {self.unit}s are less sure than {self.until}; "
            f"settling them takes {answers}{time}. 'alignbench push' asks for {self.now:,} now"
        )


def workspace_vote_costs(address: str) -> list[VoteCost]:
    """Returns what it costs to settle what is in doubt in each round of a workspace."""
    run = open_run(address)
    if not any(form.until is not None for form in run.workspace.table(ROUNDS).rows()):
        return []
    # It takes a second to import, which few workspaces need.
    from alignbench.release.labels.until_checks import current_checks

    options = LabelOptions(run.config.labels.minimum_votes, run.config.labels.every_round)
    return vote_costs(run, current_checks(run.workspace, current_selection(run), options))


def vote_costs(run: Run, checks: "Sequence[UntilCheck]") -> list[VoteCost]:
    """Returns what it costs to settle what is in doubt in each round; no round without a doubt.

    Args:
        run: Whose rounds.
        checks: What the control samples tell of the votes of now.
    """
    check_of = {check.round: check for check in checks}
    forms = sorted(run.workspace.table(ROUNDS).rows(), key=lambda row: row.round)
    costs = (
        round_cost(run.workspace, form, asked_units(run, form), check_of.get(form.round))
        for form in forms
        if form.until is not None
    )
    return [cost for cost in costs if cost is not None]


def round_cost(
    workspace: Workspace, form: Round, asked: AskedUnits, check: "UntilCheck | None"
) -> VoteCost | None:
    """Returns what it costs to settle what is in doubt in a round; None where nothing is.

    Args:
        workspace: Whose round.
        form: The round.
        asked: What it asks about.
        check: What its control sample tells of the votes of now.
    """
    doubtful = doubtful_sentences(workspace, form)
    if form.until is None or not doubtful:
        return None
    questions = RoundQuestions(workspace, form.round, asked.unit_ids)
    places, here = questions.places(), slice(len(asked))
    in_doubt = asked.with_any_of(doubtful) & (questions.skips[here] < MOST_SKIPS)
    units = np.flatnonzero(in_doubt)
    if not len(units):
        return None
    room = np.maximum(0, form.most - places.total[units])
    askable = units[room > 0]
    likely = _likely(places.total[askable].tolist(), check)
    most = int(room.sum())
    return VoteCost(
        form.round,
        form.unit,
        form.until,
        len(units),
        int(np.count_nonzero(places.open[askable] == 0)),
        likely,
        most,
        _hours(workspace, form, asked, askable, most if likely is None else likely),
    )


def _likely(votes: Sequence[int], check: "UntilCheck | None") -> float | None:
    """Returns how many more answers units are likely to need that have so many votes."""
    further = [None if check is None else check.further_votes(number) for number in votes]
    known = [number for number in further if number is not None]
    return sum(known) if len(known) == len(further) else None


def _hours(
    workspace: Workspace, form: Round, asked: AskedUnits, units: Numbers, answers: float
) -> float | None:
    """Returns how long so many answers to such units take, by the answers of the round so far."""
    times = [min(seconds, LONGEST_ANSWER) for seconds in _seconds(workspace, form.round)]
    if not times or not len(units):
        return None
    counts = np.bincount(asked.sentences().units, minlength=len(asked))
    sentences = float(counts[units].mean())
    return answers * sentences * sum(times) / len(times) / 3600


def _seconds(workspace: Workspace, round_name: str) -> Iterator[float]:
    """Yields the time of each answer to a sentence; on a caption's page its share."""
    where = pc.field("round") == round_name
    where &= pc.field("status") == AnnotationStatus.SUBMITTED.value
    where &= pc.field("purpose") != Purpose.ADJUDICATE.value
    where &= pc.field("lead_seconds").is_valid()
    columns = ["round", "status", "purpose", "lead_seconds"]
    for batch in workspace.table(ANNOTATIONS).scan(columns, where):
        yield from batch["lead_seconds"].to_pylist()
