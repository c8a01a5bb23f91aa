"""A release as it is evaluated: straight from its Parquet files, on local disk or in a bucket.

The text columns are held whole, a few hundred bytes a sentence; images are read when they are
needed, one row group after the other, and each image once.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.evaluation.errors import NotAReleaseError, ReleaseColumnError
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.store import ObjectStore
from alignbench.workspace.workspace import open_store

COLUMNS: Final = {
    "model": pa.string(),
    "image_name": pa.string(),
    "sentence_index": pa.int32(),
    "caption": pa.string(),
    "annotation": pa.string(),
    "error_type": pa.string(),
    "error_spans": None,
    "sentence_id": pa.string(),
    "image_id": pa.string(),
    "domain": pa.string(),
}
"""Columns that are read of each sentence, and their types; None is not checked."""

FILE, ROW = "file", "row"
"""Columns that are added: which file a sentence stands in, and in which row of it."""

_SHARD: Final = re.compile(r"data/[^/]+/(?P<split>[^/]+)-\d{5}-of-\d{5}\.parquet")
_IMAGE_ROWS: Final = 64


class ImageOf(NamedTuple):
    """An image of a release; `data` is None where the release does not hold it."""

    image_id: str
    data: bytes | None


class ReleaseFiles:
    """The Parquet files of a release.

    Attributes:
        address: Where it is.
        name: `name/version` as its `release.json` says, else the last parts of its address.
        families: For each generating model, the family that its configuration says.
        checksum: SHA-256 of `SHA256SUMS`, or None; it stands for every byte of the release.
    """

    def __init__(self, store: ObjectStore, prefix: str, split: str | None = None) -> None:
        self._store, self._prefix = store, prefix
        self.address = f"{store.url}/{prefix}"
        paths = [info.key.removeprefix(f"{prefix}/") for info in store.list(prefix)]
        found = {path: match["split"] for path in paths if (match := _SHARD.fullmatch(path))}
        self._paths = sorted(path for path, of in found.items() if split in (None, of))
        if not self._paths:
            which = "" if split is None else f" of the split {split!r}"
            raise NotAReleaseError(
                f"There is no file data/MODEL/SPLIT-00000-of-00001.parquet{which} in "
                f"{self.address}.",
                "Name the folder that has the release's SHA256SUMS: a path or s3://bucket/prefix.",
            )
        manifest = self._json("release.json") if "release.json" in paths else {}
        self.name = _name(manifest) or "/".join(self.address.rsplit("/", 2)[-2:])
        self.families = _families(manifest)
        self.checksum = self._checksum() if "SHA256SUMS" in paths else None

    def sentences(self) -> pa.Table:
        """Returns the sentences that are known to be correct or incorrect, in the files' order.

        Raises:
            ReleaseColumnError: A file lacks a column.
        """
        known = [Verdict.CORRECT.value, Verdict.INCORRECT.value]
        tables = []
        for number, path in enumerate(self._paths):
            table = self._read(path)
            rows = pa.array(np.arange(len(table)), pa.int64())
            files = pa.array(np.full(len(table), number), pa.int32())
            table = table.append_column(FILE, files).append_column(ROW, rows)
            tables.append(table.filter(pc.is_in(table["annotation"], pa.array(known))))
        return pa.concat_tables(tables).combine_chunks()

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
        file = pq.ParquetFile(self._open(path))
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

    def _read(self, path: str) -> pa.Table:
        try:
            file = pq.ParquetFile(self._open(path), pre_buffer=True)
        except pa.ArrowException as error:
            raise ReleaseColumnError(
                f"{path} in {self.address} cannot be read as Parquet: {error}.",
                "Run 'alignbench verify' on the release, or fetch it again.",
            ) from None
        for name, kind in COLUMNS.items():
            there = name in file.schema_arrow.names
            if not there or (kind is not None and file.schema_arrow.field(name).type != kind):
                raise ReleaseColumnError(
                    f"{path} in {self.address} has no column {name!r} of type {kind or 'list'}.",
                    "Evaluate a release that 'alignbench verify' finds sound.",
                )
        return file.read(list(COLUMNS))

    def _open(self, path: str) -> pa.NativeFile:
        return self._store.open_ranges(f"{self._prefix}/{path}")

    def _json(self, path: str) -> dict[str, object]:
        try:
            value = json.loads(self._store.read(f"{self._prefix}/{path}"))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _checksum(self) -> str:
        return sha256_hex(self._store.read(f"{self._prefix}/SHA256SUMS"))


def open_release(address: str, split: str | None = None) -> ReleaseFiles:
    """Opens the release at a local path or an `s3://bucket/prefix`.

    Raises:
        NotAReleaseError: There are no Parquet files of a release at that address.
    """
    # A store's keys are never empty, so it is opened one step above the release.
    if not address.startswith("s3://"):
        path = Path(address).resolve()
        return ReleaseFiles(open_store(path.parent), path.name, split)
    parent, _, name = address.rstrip("/").rpartition("/")
    if parent in ("s3:", "s3:/"):
        raise NotAReleaseError(
            f"{address} names a bucket, not a release in it.",
            "Name the prefix that the release is at: s3://bucket/prefix.",
        )
    return ReleaseFiles(open_store(parent), name, split)


def _name(manifest: dict[str, object]) -> str | None:
    name, version = manifest.get("name"), manifest.get("version")
    return f"{name}/{version}" if isinstance(name, str) and isinstance(version, str) else None


def _families(manifest: dict[str, object]) -> dict[str, str]:
    config = manifest.get("config")
    families: dict[str, str] = {}
    for section in ("captioners", "image_generators"):
        entries = config.get(section) if isinstance(config, dict) else None
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                families[entry["name"]] = str(entry.get("family") or entry["name"])
    return families
