"""Verbs about the people of the rounds that are under way: who works on, pauses, hands over.

Each writes what is to hold under push's lock, and then pushes every round that has open questions:
that takes work back, and puts it to others. A push that is killed, or cannot reach the server, is
gone on with by the next one.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.dealer import hand_over
from alignbench.annotation.assigning.standings import Deal, Standings, Team, Units
from alignbench.annotation.assigning.team import set_paused
from alignbench.annotation.errors import NoSuchAnnotatorError
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.rounds.forms import round_form
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.engine.report import StageReport
from alignbench.flows.asking.dealing import deal_round
from alignbench.flows.asking.label_studio import annotation_server
from alignbench.flows.push import push
from alignbench.flows.runs.orchestration import run_flow
from alignbench.flows.runs.run import Run, open_run
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import ASSIGNMENTS, TASKS
from alignbench.schemas.vocabulary import AssignmentState, RoundForm, StageName, WithdrawnKind


def open_rounds(run: Run, asked: str | None = None) -> list[Round]:
    """Returns the rounds with queues in which something is still open.

    Args:
        run: The run.
        asked: Somebody whose answers count no more, or again: the rounds in which they were asked
            are among them, since others may have to be.
    """
    wanted = pc.field("state") == AssignmentState.OPEN.value
    if asked is not None:
        wanted |= pc.field("annotator") == asked
    questions = run.workspace.table(ASSIGNMENTS)
    names = _rounds(questions.scan(["round", "state", "annotator"], wanted))
    names |= _rounds_of_earlier_versions(run)
    settings = run.config.annotation
    forms = [round_form(run.workspace, name, settings) for name in sorted(names)]
    return [form for form in forms if form.form is RoundForm.QUEUES]


def push_open_rounds(
    address: str, joining: Sequence[str] = (), asked: str | None = None
) -> list[StageReport]:
    """Pushes every round in which something is open, or in which `asked` was asked."""
    rounds = open_rounds(open_run(address), asked)
    return [
        run_flow(push, workspace=address, round_name=form.round, joining=tuple(joining))
        for form in rounds
    ]


def pause(address: str, name: str) -> list[StageReport]:
    """Gives somebody no more work, and what they have not begun to others.

    Raises:
        NoSuchAnnotatorError: They have no account.
    """
    _set_paused(address, name, paused=True)
    return push_open_rounds(address)


def resume(address: str, name: str) -> list[StageReport]:
    """Gives somebody work again: a share of what others have not begun.

    Raises:
        NoSuchAnnotatorError: They have no account.
    """
    _set_paused(address, name, paused=False)
    return push_open_rounds(address, joining=[name.lower()])


def hand_over_work(address: str, giver: str, takers: Sequence[str]) -> int:
    """Puts what somebody has not begun to others; returns how many questions.

    Args:
        address: The workspace.
        giver: Whose work it is.
        takers: Who does it; everybody else who gets work if empty.

    Raises:
        NoSuchAnnotatorError: Somebody has no account, or gets no work.
    """
    run = open_run(address)
    server = annotation_server(run)
    giver, takers = giver.lower(), [name.lower() for name in takers]
    _check_accounts(run, server, [giver, *takers])
    moved = 0
    with run.workspace.store.lock(StageName.PUSH) as fence:
        for form in open_rounds(run):
            deals = partial(_hand_over, giver, frozenset(takers))
            moved += deal_round(run, server, form, fence, deals=deals).opened
    push_open_rounds(address)
    return moved


def _hand_over(
    giver: str, takers: frozenset[str], units: Units, team: Team, standings: Standings
) -> Deal:
    idle = sorted(takers - team.active)
    if idle:
        raise NoSuchAnnotatorError(
            f"{idle[0]} gets no work in this round: paused, excluded, or not in the team.",
            "Name somebody else, or run 'alignbench annotators resume' first.",
        )
    return hand_over(units, team, standings, giver, takers)


def _set_paused(address: str, name: str, *, paused: bool) -> None:
    run = open_run(address)
    _check_accounts(run, annotation_server(run), [name.lower()])
    with run.workspace.store.lock(StageName.PUSH):
        set_paused(run.workspace, name.lower(), paused, run.run_id)


def _check_accounts(run: Run, server: LabelStudioServer, names: Sequence[str]) -> None:
    out = withdrawn_ids(run.workspace, WithdrawnKind.ANNOTATOR).to_pylist()
    known = set(server.annotators().values()) - set(out)
    for name in names:
        if name not in known:
            raise NoSuchAnnotatorError(
                f"{name} has no account on Label Studio at {server.url}, or is excluded.",
                f"Known: {', '.join(sorted(known)) or 'nobody'}.",
            )


def _rounds_of_earlier_versions(run: Run) -> set[str]:
    """Returns the rounds whose questions stand in table `tasks` alone."""
    dealt = pc.field("assignee").is_valid()
    sent = _rounds(run.workspace.table(TASKS).scan(["round", "assignee"], dealt))
    return sent - _rounds(run.workspace.table(ASSIGNMENTS).scan(["round"]))


def _rounds(batches: Iterator[pa.Table]) -> set[str]:
    return {name for batch in batches for name in pc.unique(batch["round"]).to_pylist()}
