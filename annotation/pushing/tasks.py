"""A task: what the page is given to show one sentence, and nothing that gives more away."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from alignbench.annotation.errors import MissingImageError
from alignbench.annotation.label_studio.page import AFTER, BEFORE, IMAGE, PLACE, SENTENCE, VOTES
from alignbench.annotation.label_studio.records import ImportedTask, JsonObject
from alignbench.annotation.pushing.image_delivery import ImageAddress
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import Purpose

PURPOSE = "purpose"
"""Column with the reason why a sentence is sent; without it, all are sent for one."""


class SentenceTask(NamedTuple):
    """A sentence, its task as it is sent, and why."""

    sentence_id: str
    task: ImportedTask
    purpose: Purpose


class ShownAnswers(NamedTuple):
    """What a task shows of how its sentence was, or may be, answered.

    Attributes:
        predictions: Answers, as results of the page; the server calls them predictions.
        votes: For an adjudicator: the answers in words, one a line.
    """

    predictions: tuple[list[JsonObject], ...] = ()
    votes: str | None = None


_NOTHING = ShownAnswers()


def image_failure(image_id: str) -> ItemFailure:
    """Returns the failure of a sentence whose image is not in table `images`."""
    return ItemFailure(
        MissingImageError.code,
        f"Image {image_id} of the sentence is not in table images: restore that table.",
    )


def sentence_tasks(
    sentences: pa.Table,
    address: ImageAddress,
    purpose: Purpose,
    shown: Mapping[str, ShownAnswers] | None = None,
) -> Iterator[SentenceTask]:
    """Yields the tasks of sentences that `ordered_sentences` gave.

    Args:
        sentences: The sentences; a column `PURPOSE` says why each is sent, if it is there.
        address: Gives the address of an image by its blob.
        purpose: Why they are sent without that column.
        shown: What is shown of how they were, or may be, answered, by sentence.

    Raises:
        MissingImageError: One of them has no image.
    """
    names = ["sentence_id", "image_id", "text", "before", "after", "sentence_index"]
    columns = [sentences[name].to_pylist() for name in [*names, "sentence_count", "blob"]]
    says_why = PURPOSE in sentences.column_names
    columns.append(sentences[PURPOSE].to_pylist() if says_why else [purpose] * len(sentences))
    for sentence_id, image_id, text, before, after, index, count, blob, why in zip(
        *columns, strict=True
    ):
        if blob is None:
            failure = image_failure(image_id)
            raise MissingImageError(failure.message, f"It is needed for sentence {sentence_id}.")
        data = {
            IMAGE: address(blob),
            SENTENCE: text,
            BEFORE: before,
            AFTER: after,
            PLACE: f"{index + 1} / {count}",
            "sentence_id": sentence_id,
            "text_sha256": text_sha256(text),
        }
        own = (shown or {}).get(sentence_id, _NOTHING)
        if own.votes is not None:
            data[VOTES] = own.votes
        yield SentenceTask(sentence_id, ImportedTask(data, own.predictions), Purpose(why))
