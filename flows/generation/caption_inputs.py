"""What a captioner is given: images, or captions that came with images."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.flows.generation.pairs import CaptionItem
from alignbench.schemas import ids
from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.tables import IMAGES, ORIGINS, PAIRS
from alignbench.schemas.vocabulary import ImageType
from alignbench.workspace.workspace import Workspace

_ITEM = arrow_schema(CaptionItem)


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
        for sample in range(samples):
            yield _items(
                len(found),
                key=ids.pair_ids(generator_id, found["image_id"].to_pylist(), sample),
                scope=generator_id,
                image_id=found["image_id"],
                sample_index=sample,
                blob=found["blob"],
            )


def given_captions(
    workspace: Workspace, sources: Sequence[str], generator_id: str, model: str
) -> Iterator[pa.Table]:
    """Yields the captions by one model that came with images of the sources.

    An image may have come with several. Each text of an image is a sample of its own; two entries
    with the same text are one.
    """
    given = _in(sources) & (pc.field("caption_model") == model) & pc.field("caption").is_valid()
    columns = ["image_id", "source", "caption", "caption_model"]
    samples = _sample_indices(workspace, generator_id, columns, given)
    for batch in workspace.table(ORIGINS).scan(columns, given):
        images, texts = batch["image_id"].to_pylist(), batch["caption"].to_pylist()
        indices = [
            samples[image_id, _digest(text)] for image_id, text in zip(images, texts, strict=True)
        ]
        yield _items(
            len(batch),
            key=[
                ids.pair_id(generator_id, image_id, sample)
                for image_id, sample in zip(images, indices, strict=True)
            ],
            scope=generator_id,
            image_id=batch["image_id"],
            sample_index=indices,
            caption=batch["caption"],
        )


def _sample_indices(
    workspace: Workspace, generator_id: str, columns: Sequence[str], given: pc.Expression
) -> dict[tuple[str, bytes], int]:
    """Returns the sample index of each text of each image.

    A text that has a pair keeps its index; the others get the free ones in the order of their
    hashes. No clock and no order of reading goes into it, so a run that was killed half way gives
    the same indices as one that was not.
    """
    taken: dict[str, dict[bytes, int]] = {}
    ours = pc.field("generator_id") == generator_id
    pair_columns = ["image_id", "sample_index", "text_sha256", "generator_id"]
    for pairs in workspace.table(PAIRS).scan(pair_columns, ours):
        for pair in pairs.to_pylist():
            text = bytes.fromhex(pair["text_sha256"])
            taken.setdefault(pair["image_id"], {})[text] = pair["sample_index"]
    texts: dict[str, set[bytes]] = {}
    for origins in workspace.table(ORIGINS).scan(columns, given):
        rows = zip(origins["image_id"].to_pylist(), origins["caption"].to_pylist(), strict=True)
        for image_id, text in rows:
            texts.setdefault(image_id, set()).add(_digest(text))
    indices: dict[tuple[str, bytes], int] = {}
    for image_id, of_image in texts.items():
        known = taken.get(image_id, {})
        free = (n for n in range(len(of_image) + len(known)) if n not in known.values())
        for digest in sorted(of_image):
            indices[image_id, digest] = known[digest] if digest in known else next(free)
    return indices


def _digest(text: str) -> bytes:
    return bytes.fromhex(ids.text_sha256(text))


def _in(sources: Sequence[str]) -> pc.Expression:
    return pc.field("source").isin(pa.array(sources, pa.string()))


def _items(count: int, **columns: Any) -> pa.Table:
    """Returns rows of `CaptionItem`; a column is what each has, or all; one not named is null."""
    return pa.table(
        [_column(columns.get(field.name), field.type, count) for field in _ITEM], schema=_ITEM
    )


def _column(values: Any, kind: pa.DataType, count: int) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return values
    if isinstance(values, list):
        return pa.array(values, kind)
    return pa.repeat(pa.scalar(values, kind), count)
