"""Gold of rounds that have to do with questions: what was drawn of it, and what is."""

from collections.abc import Collection

import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import hidden_units
from alignbench.schemas.ids import derive_id
from alignbench.schemas.rows.annotation import RoundSentence
from alignbench.schemas.tables import ROUND_SENTENCES
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.workspace import Workspace


def round_gold(workspace: Workspace, round_name: str) -> set[str]:
    """Returns the units that are gold of a round."""
    gold = pc.field("round") == round_name
    gold &= pc.field("purpose") == Purpose.GOLD.value
    rows = workspace.table(ROUND_SENTENCES).read(["sentence_id", "round", "purpose"], gold)
    return set(rows["sentence_id"].to_pylist())


def draw_question_gold(
    workspace: Workspace,
    round_name: str,
    share: float,
    known: Collection[str],
    asked: Collection[str],
    run_id: str,
) -> int:
    """Draws gold for a round, by a hash of round and unit; returns how many now.

    What the round asks about for its figures is none: what people say of it counts.

    Args:
        workspace: Where the units are.
        round_name: The round.
        share: How many there are to be, as a share of what is asked about.
        known: Units of which it is known how they are to be answered.
        asked: What the round asks about for its figures.
        run_id: Stamped on the rows.
    """
    if share <= 0 or not known:
        return 0
    before = round_gold(workspace, round_name)
    usable = set(known) - set(asked) - before - hidden_units(workspace)
    missing = max(0, round(share * len(asked)) - len(before))
    drawn = sorted(usable, key=lambda one: derive_id(round_name, one))[:missing]
    rows = [RoundSentence(round=round_name, sentence_id=one, purpose=Purpose.GOLD) for one in drawn]
    workspace.table(ROUND_SENTENCES).append(rows, run_id)
    return len(rows)
