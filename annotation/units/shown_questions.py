"""What pages about questions show of them, whatever is asked about them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import MissingImageError
from alignbench.annotation.label_studio.page import IMAGE
from alignbench.annotation.label_studio.records import ImportedTask
from alignbench.annotation.units.unit import (
    UNIT_ID,
    ImageAddress,
    UnitTask,
    image_failure,
    purposes_of,
)
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.questions import Question
from alignbench.schemas.tables import IMAGES
from alignbench.schemas.vocabulary import Purpose
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


def shown_fields(unit_id: str, shown: Mapping[str, str], text: str) -> dict[str, str]:
    """Returns the fields of a task that must still be as they were sent when it is answered.

    Args:
        unit_id: The unit.
        shown: The texts of its page, by their names.
        text: That of them which is asked about.
    """
    return {"sentence_id": unit_id, **shown, "text_sha256": text_sha256(text)}


def question_tasks(
    units: pa.Table,
    address: ImageAddress,
    purpose: Purpose,
    names: Sequence[str],
    about: str,
    what: str,
) -> Iterator[UnitTask]:
    """Yields the tasks of units that have to do with questions.

    Args:
        units: The units, with a column for each text of their page.
        address: Gives the address of an image.
        purpose: Why those are sent whose row does not say.
        names: Names of the texts.
        about: The name of that which is asked about.
        what: What a unit is, in a word.

    Raises:
        MissingImageError: One of them is about an image that is not there.
    """
    columns = [units[name].to_pylist() for name in (UNIT_ID, "image_id", "blob")]
    columns.append(purposes_of(units, purpose))
    columns += [units[name].to_pylist() for name in names]
    for unit_id, image_id, blob, why, *texts in zip(*columns, strict=True):
        if blob is None:
            failure = image_failure(image_id)
            raise MissingImageError(failure.message, f"It is needed for {what} {unit_id}.")
        shown = dict(zip(names, texts, strict=True))
        fields = shown_fields(unit_id, shown, shown[about])
        yield UnitTask(unit_id, ImportedTask({IMAGE: address(blob), **fields}), Purpose(why))
