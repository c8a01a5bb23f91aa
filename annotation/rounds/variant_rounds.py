"""Rounds that put questions in other words to people: begun, and drawn, before anything is sent."""

from collections.abc import Collection

import pyarrow.compute as pc

from alignbench.annotation.rounds.forms import is_sampled
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import derive_id
from alignbench.schemas.rows.annotation import Round, RoundSentence
from alignbench.schemas.tables import ROUND_SENTENCES, ROUNDS, TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, Purpose, RoundForm
from alignbench.workspace.workspace import Workspace


def variant_round(workspace: Workspace, name: str, people: int | None, usual: int) -> Round:
    """Returns the form of a round of variants: the one it has, or the one it is begun with.

    Args:
        workspace: Where it is.
        name: The round.
        people: How many people are asked about each; None keeps what the round has.
        usual: How many they are in a new round of which nothing is said.

    Raises:
        UsageError: The round is one of something else, or asks another number of people.
    """
    of_round = pc.field("round") == name
    known = next(iter(workspace.table(ROUNDS).rows(of_round)), None)
    if known is None:
        begun = any(map(len, workspace.table(TASKS).scan(["round"], of_round)))
        if begun or is_sampled(workspace, name):
            raise _other_round(name, "something else")
        votes = people or usual
        return Round(
            round=name,
            form=RoundForm.QUEUES,
            unit=AnnotationUnit.VARIANT,
            first=votes,
            most=votes,
            until=None,
            control_share=1.0,
        )
    if known.unit is not AnnotationUnit.VARIANT:
        raise _other_round(name, f"{known.unit.value}s")
    if people not in (None, known.most):
        raise UsageError(
            f"Round {name!r} asks {known.most} people about each variant, and keeps to that.",
            "Leave out --people, or name another round with --round.",
        )
    return known


def draw_variants(
    workspace: Workspace,
    form: Round,
    checkable: Collection[str],
    drawn: Collection[str],
    count: int | None,
    run_id: str,
) -> int:
    """Draws what a round still lacks, by a hash of round and variant; returns how many now.

    What was drawn stays drawn, so that a larger number only adds to it.

    Args:
        workspace: Where it is.
        form: The round; it is begun by this.
        checkable: What can be drawn.
        drawn: What was drawn before, gold among it.
        count: How many there are to be; None takes all.
        run_id: Stamped on the rows.
    """
    name = form.round
    free = sorted(set(checkable) - set(drawn), key=lambda one: derive_id(name, one))
    there = len(set(checkable) & set(drawn))
    chosen = free if count is None else free[: max(0, count - there)]
    if not any(map(len, workspace.table(ROUNDS).scan(["round"], pc.field("round") == name))):
        workspace.table(ROUNDS).append([form], run_id)
    rows = [RoundSentence(round=name, sentence_id=one, purpose=Purpose.LABEL) for one in chosen]
    workspace.table(ROUND_SENTENCES).append(rows, run_id)
    return len(rows)


def _other_round(name: str, what: str) -> UsageError:
    return UsageError(
        f"Round {name!r} asks people about {what}.", "Name another round with --round."
    )
