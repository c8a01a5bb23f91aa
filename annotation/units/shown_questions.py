"""What pages about questions show of them, whatever is asked about them."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.question_rows import Question
from alignbench.schemas.tables import IMAGES
from alignbench.workspace.workspace import Workspace


def numbered_turns(question: Question) -> str:
    """Returns earlier turns, numbered: the same in every language of the page."""
    return "\n\n".join(
        f"Q{number}: {turn.user}\nA{number}: {turn.assistant}"
        for number, turn in enumerate(question.history, start=1)
    )


def blobs_of(workspace: Workspace, image_ids: Iterable[str | None]) -> Mapping[str | None, str]:
    """Returns where images lie, by their ids; those that are not here are left out."""
    ids = sorted({image_id for image_id in image_ids if image_id is not None})
    wanted = pc.field("image_id").isin(pa.array(ids, pa.string()))
    blobs = workspace.table(IMAGES).read(["image_id", "blob"], wanted)
    return dict(zip(blobs["image_id"].to_pylist(), blobs["blob"].to_pylist(), strict=True))
