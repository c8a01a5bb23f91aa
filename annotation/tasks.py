"""A task: what the page is given to show one sentence, and nothing that gives more away."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import pyarrow as pa

from annotation.errors import ImageStorageError, MissingImageError
from annotation.label_studio.page import AFTER, BEFORE, IMAGE, PLACE, SENTENCE
from schemas.ids import text_sha256
from schemas.protocols import ItemFailure
from workspace.blobs import FOLDER as IMAGE_FOLDER
from workspace.local import LocalStore
from workspace.store import ObjectStore

Storage = Literal["local", "s3"]
"""How images reach the browser."""


class SentenceTask(NamedTuple):
    """A sentence, and the data of its task."""

    sentence_id: str
    data: dict[str, str]


def local_image_folder(store: ObjectStore, storage: Storage) -> str:
    """Returns the folder whose files the server shows.

    Raises:
        ImageStorageError: Images cannot be shown in this way from where they are.
    """
    if storage == "s3":
        raise ImageStorageError(
            "Showing images from S3 through presigned addresses is not built yet.",
            "Use a workspace in a local folder, its embedded Label Studio, and storage = 'local'.",
        )
    if not isinstance(store, LocalStore):
        raise ImageStorageError(
            f"The images of {store.url} are not files on the annotation server's machine.",
            "With storage = 'local', use a workspace in a local folder.",
        )
    return str(store.path(IMAGE_FOLDER))


def image_failure(image_id: str) -> ItemFailure:
    """Returns the failure of a sentence whose image is not in table `images`."""
    return ItemFailure(
        MissingImageError.code,
        f"Image {image_id} of the sentence is not in table images: restore that table.",
    )


def sentence_tasks(sentences: pa.Table) -> Iterator[SentenceTask]:
    """Yields the tasks of sentences that `ordered_sentences` gave.

    Raises:
        MissingImageError: One of them has no image.
    """
    names = ["sentence_id", "image_id", "text", "before", "after", "sentence_index"]
    columns = (sentences[name].to_pylist() for name in [*names, "sentence_count", "blob"])
    for sentence_id, image_id, text, before, after, index, count, blob in zip(
        *columns, strict=True
    ):
        if blob is None:
            failure = image_failure(image_id)
            raise MissingImageError(failure.message, f"It is needed for sentence {sentence_id}.")
        data = {
            IMAGE: _local_address(blob),
            SENTENCE: text,
            BEFORE: before,
            AFTER: after,
            PLACE: f"{index + 1} of {count}",
            "sentence_id": sentence_id,
            "text_sha256": text_sha256(text),
        }
        yield SentenceTask(sentence_id, data)


def _local_address(blob: str) -> str:
    # The document root is the folder above the images: `blobs/`.
    return f"/data/local-files/?d={blob.partition('/')[2]}"
