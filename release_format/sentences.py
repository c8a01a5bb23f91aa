"""A release as it is evaluated: straight from its Parquet files, on local disk or in a bucket.

The text columns are held whole, a few hundred bytes a sentence; images are read when they are
needed, one row group after the other, and each image once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from alignbench.release_format.columns import DATA_SCHEMA
from alignbench.release_format.damage import damage_named
from alignbench.release_format.errors import NotAReleaseError, ReleaseColumnError
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import DATA
from alignbench.release_format.manifest import ImageCounts
from alignbench.release_format.question_manifest import refuse_questions
from alignbench.schemas.vocabulary import Verdict

COLUMNS: Final = (
    "model", "image_name", "sentence_index", "caption", "annotation", "error_type", "error_spans",
    "sentence_id", "image_id", "domain",
)  # fmt: skip
"""Columns that are read of each sentence."""

OWN_LABELS: Final = "own_labels"

VOTES: Final = ("n_correct", "n_incorrect", "n_unknown")

FURTHER_COLUMNS: Final = (OWN_LABELS, "confidence", "in_control", *VOTES)
"""Columns that are read of each sentence where a file has them, and are null where not."""

FILE, ROW = "file", "row"
"""Columns that are added: which file a sentence stands in, and in which row of it."""

_SPANS: Final = "error_spans"
"""Whose type may be that of another schema version."""

_IMAGE_ROWS: Final = 64


class ImageOf(NamedTuple):
    """An image of a release; `data` is None where the release does not hold it."""

    image_id: str
    data: bytes | None


class ReleaseReader:
    """Reads the sentences and images of a release.

    Attributes:
        address: Where it is.
        name: `NAME/VERSION`, safe as a relative path.
        families: For each generating model, the family that its configuration says.
        split: Which split of it is read; all if None.
        checksum: SHA-256 of `SHA256SUMS`, or None; it stands for every byte of the release.
        import_kind: Which published set it was imported from, as the importer is called; None for
            a release that was labelled here.
        image_counts: How many images it embeds; None if its `release.json` does not say.
    """

    def __init__(self, folder: ReleaseFolder, split: str | None = None) -> None:
        """Takes a release.

        Args:
            folder: Where it is.
            split: Only this split of it.

        Raises:
            NotAReleaseError: It has no Parquet files, or none of that split.
        """
        refuse_questions(folder)
        self._folder = folder
        self._every_path = [p for p, shard in folder.shards.items() if shard.kind == DATA]
        self.address, self.name, self.checksum = folder.address, folder.name, folder.checksum
        self.families = _families(folder.record)
        self.import_kind = _import_kind(folder.record)
        self.image_counts = _image_counts(folder.record)
        self.split = split
        self._paths = [
            path for path in self._every_path if split in (None, folder.shards[path].split)
        ]
        if not self._paths:
            which = "" if split is None else f" of the split {split!r}"
            raise NotAReleaseError(
                f"There is no file data/MODEL/SPLIT-00000-of-00001.parquet{which} in "
                f"{self.address}.",
                "Name the folder that has the release's SHA256SUMS: a path or s3://bucket/prefix.",
            )

    def sentences(self, *verdicts: Verdict) -> pa.Table:
        """Returns the sentences with these verdicts, in the files' order.

        Args:
            verdicts: By default those of a sentence that is known to be correct or incorrect.

        Raises:
            ReleaseColumnError: A file lacks a column.
        """
        known = [verdict.value for verdict in verdicts or (Verdict.CORRECT, Verdict.INCORRECT)]
        tables = []
        for number, path in enumerate(self._paths):
            table = self._read(path, further=FURTHER_COLUMNS)
            rows = pa.array(np.arange(len(table)), pa.int64())
            files = pa.array(np.full(len(table), number), pa.int32())
            table = table.append_column(FILE, files).append_column(ROW, rows)
            tables.append(table.filter(pc.is_in(table["annotation"], pa.array(known))))
        return pa.concat_tables(tables).combine_chunks()

    def sentence_ids(self) -> pa.ChunkedArray:
        """Returns the ids of all sentences of the release, whatever their verdict or split."""
        columns = [self._read(path, ("sentence_id",))[0] for path in self._every_path]
        return pa.chunked_array([chunk for column in columns for chunk in column.chunks])

    def images(self, sentences: pa.Table) -> Iterator[ImageOf]:
        """Yields each image that these sentences are about, once, in the order of the files."""
        ids = sentences["image_id"].to_numpy(zero_copy_only=False)
        _, first = np.unique(ids, return_index=True)
        firsts = sentences.take(pa.array(first)).sort_by([(FILE, "ascending"), (ROW, "ascending")])
        files = firsts[FILE].to_numpy()
        for number in np.unique(files):
            of_file = firsts.filter(pa.array(files == number))
            rows = of_file[ROW].to_numpy()
            names = of_file["image_id"].to_pylist()
            yield from self._images_of(self._paths[number], rows, names)

    def _images_of(
        self, path: str, rows: npt.NDArray[np.int64], names: list[str]
    ) -> Iterator[ImageOf]:
        with damage_named(self.address, path):
            file = pq.ParquetFile(self._folder.open_ranges(path))
            groups = range(file.metadata.num_row_groups)
            starts = np.cumsum([0, *(file.metadata.row_group(group).num_rows for group in groups)])
            place = 0
            for group in np.unique(np.searchsorted(starts, rows, side="right") - 1).tolist():
                start = int(starts[group])
                for batch in file.iter_batches(
                    _IMAGE_ROWS, row_groups=[group], columns=["image.bytes"]
                ):
                    data = batch.column("image").field("bytes")
                    while place < len(rows) and rows[place] < start + len(batch):
                        yield ImageOf(names[place], data[int(rows[place]) - start].as_py())
                        place += 1
                    start += len(batch)

    def _read(
        self, path: str, columns: Sequence[str] = COLUMNS, further: Sequence[str] = ()
    ) -> pa.Table:
        with damage_named(self.address, path):
            file = pq.ParquetFile(self._folder.open_ranges(path), pre_buffer=True)
        for name in columns:
            if not _is_as_declared(name, file.schema_arrow):
                kind = "list" if name == _SPANS else DATA_SCHEMA.field(name).type
                raise ReleaseColumnError(
                    f"{path} in {self.address} has no column {name!r} of type {kind}.",
                    "Evaluate a release that 'alignbench verify' finds sound.",
                )
        there = [name for name in further if _is_as_declared(name, file.schema_arrow)]
        with damage_named(self.address, path):
            table = file.read([*columns, *there])
        for name in further:
            if name not in there:
                nulls = pa.nulls(len(table), DATA_SCHEMA.field(name).type)
                table = table.append_column(name, nulls)
        return table.select([*columns, *further])


def _is_as_declared(name: str, schema: pa.Schema) -> bool:
    if name not in schema.names:
        return False
    return name == _SPANS or schema.field(name).type == DATA_SCHEMA.field(name).type


def _import_kind(record: Mapping[str, object]) -> str | None:
    imported = record.get("imported")
    kind = imported.get("kind") if isinstance(imported, dict) else None
    return kind if isinstance(kind, str) else None


def _image_counts(record: Mapping[str, object]) -> ImageCounts | None:
    counts = record.get("counts")
    try:
        return ImageCounts.model_validate(counts["images"] if isinstance(counts, dict) else None)
    except (KeyError, ValidationError):
        return None


def _families(record: Mapping[str, object]) -> dict[str, str]:
    config = record.get("config")
    families: dict[str, str] = {}
    for section in ("captioners", "image_generators"):
        entries = config.get(section) if isinstance(config, dict) else None
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                families[entry["name"]] = str(entry.get("family") or entry["name"])
    return families
