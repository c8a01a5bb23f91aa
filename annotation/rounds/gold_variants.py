"""Gold of rounds that check questions in other words: of which it is known what they mean."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from alignbench.annotation.errors import GoldFileError
from alignbench.annotation.rounds.question_gold import draw_question_gold, round_gold
from alignbench.schemas.rows.questions import GoldVariant
from alignbench.schemas.tables import GOLD_VARIANTS, VARIANTS
from alignbench.schemas.vocabulary import Meaning
from alignbench.workspace.workspace import Workspace


class VariantLine(BaseModel):
    """A line of the file of gold that is about a question in other words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant_id: str
    meaning: Meaning


def variant_rows(
    workspace: Workspace, lines: Sequence[tuple[int, VariantLine]], path: Path
) -> list[GoldVariant]:
    """Returns the rows of lines that do not stand in table `gold_variants` yet.

    Args:
        workspace: Whose variants they are.
        lines: With the number of each.
        path: Their file.

    Raises:
        GoldFileError: A variant is not in the workspace.
    """
    ids = pa.array([line.variant_id for _, line in lines], pa.string())
    there = workspace.table(VARIANTS).read(["variant_id"], pc.field("variant_id").isin(ids))
    known = set(there["variant_id"].to_pylist())
    earlier = {row.variant_id: row for row in workspace.table(GOLD_VARIANTS).rows()}
    rows: dict[str, GoldVariant] = {}
    for number, line in lines:
        if line.variant_id not in known:
            raise GoldFileError(
                f"{path}, line {number}: there is no variant {line.variant_id} in this workspace.",
                "Take it out, or run 'alignbench rewrite' first.",
            )
        before = earlier.get(line.variant_id)
        if before is None or before.meaning is not line.meaning:
            rows[line.variant_id] = GoldVariant(
                variant_id=line.variant_id,
                meaning=line.meaning,
                source=path.name,
                version=1 if before is None else before.version + 1,
            )
    return list(rows.values())


def draw_gold_variants(
    workspace: Workspace, round_name: str, share: float, drawn: Collection[str], run_id: str
) -> int:
    """Draws gold for a round of variants, by a hash of round and variant; returns how many now.

    What the models refused may be gold too: so it is known that some means another thing.

    Args:
        workspace: Where the variants are.
        round_name: The round.
        share: How many there are to be, as a share of what people are asked about.
        drawn: What was drawn before, gold among it.
        run_id: Stamped on the rows.
    """
    known = {row.variant_id for row in workspace.table(GOLD_VARIANTS).rows()}
    asked = set(drawn) - round_gold(workspace, round_name)
    return draw_question_gold(workspace, round_name, share, known, asked, run_id)
