"""Deciding who is asked what in a round, before anything is sent."""

from collections.abc import Collection

from alignbench.annotation.assigning.begun import BegunWork
from alignbench.annotation.assigning.dealer import deal
from alignbench.annotation.assigning.dealing import Deals, Dealt, RoundDealer
from alignbench.annotation.assigning.doubts import doubtful_sentences
from alignbench.annotation.assigning.queues import close_withdrawn
from alignbench.annotation.assigning.team import current_team
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.flows.asking.round_inputs import asked_units
from alignbench.flows.runs.run import Run
from alignbench.schemas.fence import Fence
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.vocabulary import AnnotationUnit

_SHOWN = 3


def deal_round(
    run: Run,
    server: LabelStudioServer,
    form: Round,
    fence: Fence,
    *,
    deals: Deals = deal,
    joining: Collection[str] = (),
    again: bool = False,
) -> Dealt:
    """Deals a round out to everybody who can be asked.

    Args:
        run: Whose round.
        server: Whose accounts; it is asked what people have begun if work is taken back.
        form: The round.
        fence: Asked before anything is written.
        deals: How it is dealt.
        joining: Who takes a share of what nobody has begun, beside those who are new.
        again: Put a sentence to people who answered it in another round too.
    """
    close_withdrawn(run.workspace, run.run_id)
    doubtful = doubtful_sentences(run.workspace, form)
    asked = asked_units(run, form)
    dealer = RoundDealer(run.workspace, form, asked, doubtful=doubtful, again=again)
    team = current_team(run.workspace, server, run.config.annotation, dealer.holders)
    team = team._replace(joining=team.joining | (team.active & frozenset(joining)))
    begun = BegunWork(run.workspace, server, form.round)
    return dealer.deal(deals, team, begun, run.run_id, fence=fence)


def dealt_notes(dealt: Dealt, unit: AnnotationUnit) -> dict[str, int]:
    """Returns what dealing out these units came to, in words."""
    return {
        "questions were put to an annotator": dealt.opened,
        "questions were taken back from one": dealt.taken_back,
        "answers are wanted of which there is nobody to ask: run 'alignbench annotators add', "
        "then push again": dealt.lacking,
        f"{unit}s were skipped too often and are put to nobody else{_ids(dealt)}": len(
            dealt.skipped
        ),
    }


def _ids(dealt: Dealt) -> str:
    more = ", ..." if len(dealt.skipped) > _SHOWN else ""
    return f": {', '.join(dealt.skipped[:_SHOWN])}{more}"
