"""Answers of models whose rating is known: read from a line, and mixed into a round of ratings."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from alignbench.annotation.errors import GoldFileError
from alignbench.annotation.rounds.question_gold import draw_question_gold
from alignbench.schemas.rows.questions import GoldRating
from alignbench.schemas.tables import GOLD_RATINGS, RESPONSES
from alignbench.workspace.workspace import Workspace


class RatingLine(BaseModel):
    """A line of the file of gold that is about a model's answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    response_id: str
    rating: Annotated[float, Field(ge=1, le=10)]


def rating_rows(
    workspace: Workspace, lines: Sequence[tuple[int, RatingLine]], path: Path
) -> list[GoldRating]:
    """Returns the rows of lines that do not stand in table `gold_ratings` yet.

    Args:
        workspace: Whose answers they are.
        lines: With the number of each.
        path: Their file.

    Raises:
        GoldFileError: An answer is not in the workspace.
    """
    ids = pa.array([line.response_id for _, line in lines], pa.string())
    there = workspace.table(RESPONSES).read(["response_id"], pc.field("response_id").isin(ids))
    known = set(there["response_id"].to_pylist())
    earlier = {row.response_id: row for row in workspace.table(GOLD_RATINGS).rows()}
    rows: dict[str, GoldRating] = {}
    for number, line in lines:
        if line.response_id not in known:
            raise GoldFileError(
                f"{path}, line {number}: there is no answer {line.response_id} in this workspace.",
                "Take it out, or run 'alignbench respond' first.",
            )
        before = earlier.get(line.response_id)
        if before is None or before.rating != line.rating:
            rows[line.response_id] = GoldRating(
                response_id=line.response_id,
                rating=line.rating,
                source=path.name,
                version=1 if before is None else before.version + 1,
            )
    return list(rows.values())


def draw_gold_ratings(
    workspace: Workspace, round_name: str, share: float, sampled: Collection[str], run_id: str
) -> int:
    """Draws gold for a round of ratings, by a hash of round and answer; returns how many now.

    An answer to a question that was drawn for the round's figures is none: its ratings count.

    Args:
        workspace: Where the answers are.
        round_name: The round.
        share: How many there are to be, as a share of the answers that are sampled.
        sampled: Those answers.
        run_id: Stamped on the rows.
    """
    known = {row.response_id for row in workspace.table(GOLD_RATINGS).rows()}
    return draw_question_gold(workspace, round_name, share, known, sampled, run_id)
