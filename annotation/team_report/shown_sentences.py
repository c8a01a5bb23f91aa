"""Sentences as a page shows them: with a small copy of their image and marked words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.reporting.pieces import Piece, pieces
from alignbench.reporting.small_copies import data_uri, small_copy
from alignbench.schemas.tables import IMAGES, SENTENCES
from alignbench.workspace.errors import ObjectNotFoundError
from alignbench.workspace.workspace import Workspace

_SIDE: Final = 320
_MOST_CHARACTERS: Final = 600


class ShownSentence(NamedTuple):
    """A sentence to be shown.

    Attributes:
        text: What it says.
        image: Its image as a data URI; None if it cannot be had.
    """

    text: str
    image: str | None

    def marked(self, spans: Sequence[Mapping[str, Any]]) -> tuple[Piece, ...]:
        """Returns it cut at the borders of marks."""
        return tuple(pieces(self.text, spans, _MOST_CHARACTERS))


def shown_sentences(
    workspace: Workspace, sentence_ids: Iterable[str], hidden_images: Iterable[str]
) -> dict[str, ShownSentence]:
    """Returns sentences with their images, by id.

    Args:
        workspace: Where they are.
        sentence_ids: Which.
        hidden_images: Ids of images that nobody should see any more; their sentences are left out.
    """
    only = pc.field("sentence_id").isin(pa.array(list(sentence_ids), pa.string()))
    read = workspace.table(SENTENCES).read(["sentence_id", "image_id", "text"], only)
    hidden = frozenset(hidden_images)
    rows = [row for row in read.to_pylist() if row["image_id"] not in hidden]
    wanted = pa.array(sorted({row["image_id"] for row in rows}), pa.string())
    blobs = {
        image.image_id: image.blob
        for image in workspace.table(IMAGES).rows(pc.field("image_id").isin(wanted))
    }
    pictures = {image_id: _picture(workspace, blob) for image_id, blob in blobs.items()}
    return {
        row["sentence_id"]: ShownSentence(row["text"], pictures.get(row["image_id"]))
        for row in rows
    }


def _picture(workspace: Workspace, blob: str) -> str | None:
    try:
        data = workspace.store.read(blob)
    except ObjectNotFoundError:
        return None
    return data_uri(small_copy(data, _SIDE))
