"""The rows of a release: labelled sentences, joined with everything a researcher needs beside them.

The join goes image by image: all that has an image id is parted by it on local disk, and one bucket
of images at a time is in memory, without the images themselves.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.columns.joins import looked_up, unmatched
from alignbench.release.errors import BrokenReferenceError
from alignbench.release.rows.image_choice import ImageChoice
from alignbench.release.rows.images import BLOB_COLUMN
from alignbench.release_format.columns import DATA_SCHEMA, RELEASE_SCHEMA_VERSION, SORT_COLUMNS
from alignbench.schemas.tables import GENERATORS, IMAGES, ORIGINS, PAIRS, SPLITTERS
from alignbench.workspace.selection import Selection
from alignbench.workspace.tables.buckets import Buckets, columns_of
from alignbench.workspace.workspace import Workspace

_ORIGIN_COLUMNS: Final = (
    "image_id", "source", "locator", "origin_id", "image_name", "image_url", "license",
    "redistributable", "domain",
)  # fmt: skip
_PAIR_COLUMNS: Final = ("pair_id", "image_id", "text", "seed")
_IMAGE_COLUMNS: Final = ("image_id", "image_type", "blob", "perceptual_hash")
_FROM_LABEL: Final = (
    "error_type", "error_spans", "n_correct", "n_incorrect", "n_unknown", "n_votes", "in_control",
    "confidence", "span_agreement", "adjudicated",
)  # fmt: skip
_COMPARABLE_IN_CONTROL: Final = ("agreement_ratio", "fleiss_Pi")
"""Null where asking stopped because the first votes agreed: such votes agree by choice."""
_FROM_SENTENCE: Final = (
    "model", "sentence_index", "sentence_id", "pair_id", "image_id", "direction",
)  # fmt: skip

_OF_IMPORTS: Final = ("image_path_in_repo", "own_labels", "origin", "labels_license")


class ReleaseRows:
    """The rows of a release, by model, in the order they are written in."""

    def __init__(
        self,
        workspace: Workspace,
        selection: Selection,
        folder: Path,
        labelled: Buckets,
        method: str,
        images: ImageChoice,
    ) -> None:
        """Reads what the rows are joined from, and parts it by image.

        Args:
            workspace: Where it is.
            selection: What is released.
            folder: Where buckets go; the caller removes it.
            labelled: Sentences with the columns of their labels, parted by image.
            method: How the labels were made.
            images: Which images are embedded, and which referenced.
        """
        self._labelled, self._method, self._choice = labelled, method, images
        self._generators = workspace.table(GENERATORS).read(
            ["generator_id", "instruction", "revision", "params"]
        )
        self._splitter = _splitter(workspace, selection)
        self._pairs = Buckets(folder, "pairs", "image_id", columns_of(PAIRS, _PAIR_COLUMNS))
        with self._pairs as buckets:
            needed = [*_PAIR_COLUMNS, "generator_id"]
            for batch in workspace.table(PAIRS).scan(needed, selection.pairs()):
                buckets.add(batch.select(list(_PAIR_COLUMNS)))
        self._images = Buckets(folder, "images", "image_id", columns_of(IMAGES, _IMAGE_COLUMNS))
        with self._images as buckets:
            for batch in workspace.table(IMAGES).scan(_IMAGE_COLUMNS):
                buckets.add(batch)
        self._origins = Buckets(folder, "origins", "image_id", columns_of(ORIGINS, _ORIGIN_COLUMNS))
        with self._origins as buckets:
            for batch in workspace.table(ORIGINS).scan(_ORIGIN_COLUMNS):
                buckets.add(batch)

    def of_model(self, model: str, images: pa.Array) -> Iterator[pa.Table]:
        """Yields a model's rows of some images, sorted: all columns but `image`, and `BLOB_COLUMN`.

        Raises:
            BrokenReferenceError: A sentence's pair, image or generator is not in its table.
        """
        for number in self._labelled.numbers():
            chosen = (pc.field("model") == model) & pc.field("image_id").isin(images)
            sentences = self._labelled.read(number).filter(chosen)
            if len(sentences):
                keys = [(name, "ascending") for name in (*SORT_COLUMNS, "sentence_id")]
                yield self._joined(sentences.sort_by(keys), number)

    def _joined(self, sentences: pa.Table, number: int) -> pa.Table:
        pair = _required(sentences, "pair_id", self._pairs.read(number), "pairs")
        image = _required(sentences, "image_id", self._images.read(number), "images")
        generator = _required(sentences, "generator_id", self._generators, "generators")
        origin = _best_origins(sentences, self._origins.read(number))
        source = pc.coalesce(origin["source"], sentences["model"])
        embedded, linked = self._choice.of_rows(source, origin["forbidden"])
        file_name = pc.replace_substring_regex(image["blob"], r"^.*/", "")
        columns: dict[str, Any] = {
            **{name: sentences[name] for name in (*_FROM_SENTENCE, *_FROM_LABEL)},
            **{name: _if_in_control(sentences, name) for name in _COMPARABLE_IN_CONTROL},
            "image_source": source,
            "image_name": pc.coalesce(origin["image_name"], file_name),
            "image_type": image["image_type"],
            "image_url": pc.if_else(linked, origin["image_url"], pa.scalar(None, pa.string())),
            "domain": origin["domain"],
            "license": origin["license"],
            "redistributable": origin["redistributable"],
            "perceptual_hash": image["perceptual_hash"],
            "caption": sentences["text"],
            "annotation": sentences["verdict"],
            "error_words": _texts(sentences["error_spans"]),
            "full_caption": pair["text"],
            "seed": pair["seed"],
            "sentence_start": sentences["start"],
            "sentence_end": sentences["end"],
            "label_method": _constant(self._method, sentences),
            "splitter": _constant(self._splitter, sentences),
            "schema_version": _constant(RELEASE_SCHEMA_VERSION, sentences),
            **{name: pa.nulls(len(sentences)) for name in _OF_IMPORTS},
            "flags": pa.array([[]] * len(sentences), DATA_SCHEMA.field("flags").type),
            "instruction": generator["instruction"],
            "generator_revision": generator["revision"],
            "generator_params": generator["params"],
        }
        released = [field for field in DATA_SCHEMA if field.name != "image"]
        arrays = [_as(columns[field.name], field.type) for field in released]
        blob = pc.if_else(embedded, image["blob"], pa.scalar(None, pa.string()))
        return pa.table([*arrays, blob], names=[*(f.name for f in released), BLOB_COLUMN])


def _best_origins(sentences: pa.Table, origins: pa.Table) -> pa.Table:
    """Returns for each sentence the origin of its image that it is published under.

    An origin that allows redistribution, or says nothing, goes before one that forbids it; then by
    source and locator. The column `forbidden` tells whether even the best one forbids it.
    """
    forbidden = pc.fill_null(pc.invert(origins["redistributable"]), False)
    origins = origins.append_column("forbidden", forbidden)
    order = ["image_id", "forbidden", "source", "locator", "origin_id"]
    ordered = origins.sort_by([(name, "ascending") for name in order])
    return looked_up(sentences["image_id"], ordered, "image_id")


def _required(sentences: pa.Table, column: str, table: pa.Table, name: str) -> pa.Table:
    missing = unmatched(sentences[column], table, column)
    if missing:
        raise BrokenReferenceError(
            f"A selected sentence names the {column} {missing[0]}, which table {name} does not "
            "have.",
            "Restore the missing parts of that table, or run the stage that makes them.",
        )
    return looked_up(sentences[column], table, column)


def _splitter(workspace: Workspace, selection: Selection) -> str:
    for row in workspace.table(SPLITTERS).rows():
        if row.splitter_id == selection.splitter_id:
            return f"{row.model} {row.model_version}, rules {row.rules_version}"
    raise BrokenReferenceError(
        f"The splitter {selection.splitter_id} is not in table splitters.",
        "Run 'alignbench split'.",
    )


def _texts(spans: pa.ChunkedArray) -> pa.Array:
    return pa.array(
        [[span["text"] for span in found or []] for found in spans.to_pylist()],
        DATA_SCHEMA.field("error_words").type,
    )


def _if_in_control(sentences: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.if_else(sentences["in_control"], sentences[name], pa.scalar(None, pa.float64()))


def _constant(value: str | int, rows: pa.Table) -> pa.Array:
    return pa.array(np.full(len(rows), value, dtype=object))


def _as(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)
