"""What a detector is asked: a release's sentences, each image with all of them in a row."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from alignbench.evaluation.scores.own_labels import decoded_labels
from alignbench.release_format.sentences import FILE, OWN_LABELS, ROW, ReleaseReader
from alignbench.schemas.detection import ScoringRequest
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import FailureKind

BATCH: Final = 256
"""Sentences that a detector is handed at once; what its model takes at once is its own business."""

Asked = tuple[str, ScoringRequest]
"""A sentence's done-key, and what is asked about it."""


def by_image(sentences: pa.Table) -> pa.Table:
    """Returns the sentences of each image together, images in the order of `ReleaseReader.images`.

    Of several files, an image stands in that of each model that described it.
    """
    place = sentences.sort_by([(FILE, "ascending"), (ROW, "ascending")])
    images = place["image_id"].to_numpy(zero_copy_only=False)
    _, first, of_image = np.unique(images, return_index=True, return_inverse=True)
    return place.take(pa.array(np.argsort(first[of_image], kind="stable")))


def scoring_requests(
    reader: ReleaseReader,
    items: Iterator[pa.Table],
    *,
    with_images: bool,
    most_references: int = 0,
) -> Iterator[tuple[Asked, ScoringRequest | ItemFailure]]:
    """Yields what is asked about each sentence, or why it cannot be asked.

    Args:
        reader: Where the images are.
        items: Sentences with their done-keys, in `key`.
        with_images: Whether images are looked at; each is read once for a table.
        most_references: How many reference captions are given with a sentence, if it has any.
    """
    for table in items:
        rows = by_image(table)
        columns = [rows[name].to_pylist() for name in ("key", "sentence_id", "caption", "image_id")]
        columns.append(_references(rows, most_references))
        images = reader.images(rows) if with_images else iter(())
        shown, data = "", b""
        for key, sentence_id, text, image_id, references in zip(*columns, strict=True):
            if with_images and image_id != shown:
                shown, found = next(images)
                data = found or b""
            request = ScoringRequest(sentence_id, text, image_id, data, references)
            if with_images and not data:
                message = f"Image {image_id} is not in the release."
                yield (key, request), ItemCode.IMAGE_ABSENT.failure(message, FailureKind.EMPTY)
            else:
                yield (key, request), request


def _references(rows: pa.Table, most: int) -> list[tuple[str, ...]]:
    """Returns the references that an imported set's own labels have of each sentence."""
    if not most or OWN_LABELS not in rows.column_names:
        return [()] * len(rows)
    found = []
    for text in rows[OWN_LABELS].to_pylist():
        listed = decoded_labels(text).get("references")
        texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
        found.append(tuple([one for one in texts if one.strip()][:most]))
    return found


def whole_images(requests: Iterator[ScoringRequest]) -> Iterator[list[ScoringRequest]]:
    """Yields batches that do not part an image's sentences, unless they alone are too many."""
    batch: list[ScoringRequest] = []
    for request in requests:
        is_full = len(batch) >= BATCH and request.image_id != batch[-1].image_id
        if is_full or len(batch) >= 2 * BATCH:
            yield batch
            batch = []
        batch.append(request)
    if batch:
        yield batch
