"""What a captioner is given: images, or captions that came with images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from schemas import ids
from schemas.columns import Int, Str, to_batch
from schemas.tables import CREATED_AT, IMAGES, ORIGINS
from schemas.vocabulary import ImageType
from workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionItem:
    """One caption to be written, as the engine hands it on.

    Attributes:
        key: The pair's id; for a text that cannot be taken, an id of its own.
        scope: The generator's id.
        image_id: The image.
        sample_index: Which of several captions for this image, from 0.
        blob: Where the image lies, if pixels are read.
        caption: The caption that came with the image, if it did.
        taken_by: The origin whose caption this model already has for the image, if there is one.
    """

    key: Str
    scope: Str
    image_id: Str
    sample_index: Int = 0
    blob: Str | None = None
    caption: Str | None = None
    taken_by: Str | None = None


def images_to_caption(
    workspace: Workspace, sources: Sequence[str], generator_id: str, samples: int
) -> Iterator[pa.Table]:
    """Yields the real images of the sources, once for each sample."""
    wanted = workspace.table(ORIGINS).keys(
        "image_id", where=_in(sources), filter_columns=["source"]
    )
    real = pc.field("image_type") == ImageType.REAL.value
    for images in workspace.table(IMAGES).scan(["image_id", "blob", "image_type"], real):
        found = images.filter(wanted.contains(images["image_id"]))
        places = list(zip(found["image_id"].to_pylist(), found["blob"].to_pylist(), strict=True))
        for sample in range(samples):
            yield _table(
                CaptionItem(
                    key=ids.pair_id(generator_id, image_id, sample),
                    scope=generator_id,
                    image_id=image_id,
                    sample_index=sample,
                    blob=blob,
                )
                for image_id, blob in places
            )


def given_captions(
    workspace: Workspace, sources: Sequence[str], generator_id: str, model: str
) -> Iterator[pa.Table]:
    """Yields the captions by one model that came with images of the sources.

    An image has one caption by a model. Where the sources have several, the one that came first is
    taken; another with the same text is passed over, one with a different text is marked.
    """
    origins = workspace.table(ORIGINS)
    given = _in(sources) & (pc.field("caption_model") == model) & pc.field("caption").is_valid()
    columns = ["origin_id", "image_id", "source", "caption", "caption_model"]
    first = _first_captions(workspace, columns, given)
    for batch in origins.scan(columns, given):
        rows = zip(*(batch[name].to_pylist() for name in (*columns[:2], "caption")), strict=True)
        yield _table(
            _given(generator_id, image_id, origin_id, caption, first[image_id])
            for origin_id, image_id, caption in rows
            if origin_id == first[image_id].origin_id
            or ids.text_sha256(caption) != first[image_id].text_sha256
        )


@dataclass(frozen=True, slots=True, order=True)
class _FirstCaption:
    created_at: str
    origin_id: str
    text_sha256: str


def _first_captions(
    workspace: Workspace, columns: Sequence[str], given: pc.Expression
) -> dict[str, _FirstCaption]:
    first: dict[str, _FirstCaption] = {}
    for batch in workspace.table(ORIGINS).scan([*columns, CREATED_AT.name], given):
        for row in batch.to_pylist():
            created = row[CREATED_AT.name].isoformat(timespec="microseconds")
            rival = _FirstCaption(created, row["origin_id"], ids.text_sha256(row["caption"]))
            known = first.setdefault(row["image_id"], rival)
            first[row["image_id"]] = min(known, rival)
    return first


def _given(
    generator_id: str, image_id: str, origin_id: str, caption: str, first: _FirstCaption
) -> CaptionItem:
    taken = origin_id != first.origin_id
    return CaptionItem(
        key=ids.pair_id(generator_id, f"{image_id}@{origin_id}" if taken else image_id, 0),
        scope=generator_id,
        image_id=image_id,
        caption=caption,
        taken_by=first.origin_id if taken else None,
    )


def _in(sources: Sequence[str]) -> pc.Expression:
    return pc.field("source").isin(pa.array(sources, pa.string()))


def _table(items: Iterator[CaptionItem]) -> pa.Table:
    return pa.Table.from_batches([to_batch(CaptionItem, list(items))])
