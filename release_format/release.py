"""A release as a researcher has it in Python: its rows, votes and images, in the form they like.

Rows come as Arrow, pandas or `datasets`; single rows are small classes. Images are decoded as
annotators saw them (`models.pixels`), one row group in memory at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from alignbench.models.pixels import rgb_pixels
from alignbench.release_format.columns import DATA_SCHEMA, VOTE_SCHEMA, as_current, with_features
from alignbench.release_format.damage import damage_named
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.folder import open_release as open_folder
from alignbench.release_format.layout import DATA, VOTES
from alignbench.release_format.manifest import Manifest, finished_manifest
from alignbench.release_format.question_manifest import refuse_questions
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.item_codes import ItemError

if TYPE_CHECKING:
    import datasets
    import pandas as pd

_IMAGE: Final = "image"
_BATCH_ROWS: Final = 64


@dataclass(frozen=True)
class WrongSpan:
    """A wrong range of a sentence: half-open, in code points.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        type: The kind of mistake; None in sets that name wrong words alone.
        text: `caption[start:end]`.
        votes: How many annotators marked it; None where that is not known.
    """

    start: int
    end: int
    type: str | None
    text: str
    votes: int | None


@dataclass(frozen=True)
class Sentence:
    """One row of a release: a sentence about an image, and what is known of it.

    Attributes:
        sentence_id: Of the sentence.
        model: Who wrote the text, or made the image.
        caption: The sentence.
        annotation: `correct`, `incorrect` or `unknown`.
        error_spans: Its wrong words.
        image_id: Of the image.
        split: The split that it is in.
        n_votes: How many annotators said something of it; None where an imported set does not
            tell.
        in_control: Whether it was put to as many annotators as its round had at most, whatever
            the first ones said: agreement and shares of verdicts are to be told from such rows.
            None where an imported set or an older release does not tell.
        columns: Every column of the row by its name, but for the image.
        image_data: The encoded image; None where the release does not embed it.
    """

    sentence_id: str
    model: str
    caption: str
    annotation: str
    error_spans: tuple[WrongSpan, ...]
    image_id: str
    split: str
    n_votes: int | None
    in_control: bool | None
    columns: Mapping[str, Any]
    image_data: bytes | None

    @property
    def image(self) -> Image.Image | None:
        """The image as RGB, as annotators saw it; None where it is not embedded or is damaged."""
        if self.image_data is None:
            return None
        with suppress(ItemError):
            return rgb_pixels(self.image_data, self.image_id)
        return None


class Release:
    """A finished release, on local disk or in a bucket; nothing is read before it is asked for.

    Attributes:
        folder: Its files.
    """

    def __init__(self, address: str | Path) -> None:
        """Opens a release.

        Args:
            address: Its folder, or its `s3://bucket/prefix`; may end in `latest`.

        Raises:
            NotAReleaseError: There is no release at that address.
        """
        self.folder: ReleaseFolder = open_folder(str(address))
        refuse_questions(self.folder)
        if not any(shard.kind == DATA for shard in self.folder.shards.values()):
            raise NotAReleaseError(
                f"There is no file data/MODEL/SPLIT-00000-of-00001.parquet in {self.address}.",
                "Name the folder that has the release's SHA256SUMS: a path or s3://bucket/prefix.",
            )

    def __repr__(self) -> str:
        return f"Release({self.address!r}: {len(self):,} sentences, {len(self.models)} models)"

    def __len__(self) -> int:
        """The number of sentences, *unknown* ones included."""
        return sum(self._row_count(path) for path in self._paths(DATA, None, None))

    def __iter__(self) -> Iterator[Sentence]:
        """Yields all sentences; see `sentences`."""
        return self.sentences()

    @property
    def address(self) -> str:
        """Where it is, as `evaluate` and `verify` take it."""
        return self.folder.address

    @cached_property
    def manifest(self) -> Manifest:
        """What `release.json` says.

        Raises:
            NotAReleaseError: It is of another version, or not finished.
        """
        return finished_manifest(self.folder)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, by its path in the release."""
        return self.folder.sizes

    @property
    def models(self) -> list[str]:
        """The generating models, sorted."""
        return sorted({s.model for s in self.folder.shards.values() if s.kind == DATA})

    @property
    def splits(self) -> list[str]:
        """The splits, sorted."""
        return sorted({s.split for s in self.folder.shards.values() if s.kind == DATA})

    def sentences(self, split: str | None = None, model: str | None = None) -> Iterator[Sentence]:
        """Yields the sentences in the order of the files, with their images.

        Args:
            split: Only this split; all if None.
            model: Only this model's; all if None.
        """
        for path in self._paths(DATA, split, model):
            of_split = self.folder.shards[path].split
            for batch in self._batches(path, images=True):
                for row in batch.to_pylist():
                    yield _sentence(row, of_split)

    def images(self, split: str | None = None) -> Iterator[tuple[str, bytes | None]]:
        """Yields id and encoded bytes of each image once; None for what is not embedded."""
        known: set[str] = set()
        for path in self._paths(DATA, split, None):
            for batch in self._batches(path, images=True, columns=["image_id", _IMAGE]):
                data = pc.struct_field(batch.column(_IMAGE), "bytes")
                for place, image_id in enumerate(batch.column("image_id").to_pylist()):
                    if image_id not in known:
                        known.add(image_id)
                        yield image_id, data[place].as_py()

    def to_arrow(
        self, split: str | None = None, model: str | None = None, *, images: bool = False
    ) -> pa.Table:
        """Returns the rows as an Arrow table.

        Args:
            split: Only this split; all if None.
            model: Only this model's; all if None.
            images: Whether the column `image` is read too, which is nearly all of the bytes.
        """
        schema = DATA_SCHEMA if images else DATA_SCHEMA.remove(len(DATA_SCHEMA) - 1)
        batches = [
            batch.select(schema.names)
            for path in self._paths(DATA, split, model)
            for batch in self._batches(path, images=images)
        ]
        return pa.Table.from_batches(batches, schema.with_metadata(with_features(schema)))

    def to_pandas(
        self, split: str | None = None, model: str | None = None, *, images: bool = False
    ) -> "pd.DataFrame":
        """Returns the rows as a pandas frame; see `to_arrow`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        need_package("pandas")
        frame: pd.DataFrame = self.to_arrow(split, model, images=images).to_pandas()
        return frame

    def to_datasets(self, split: str | None = None, model: str | None = None) -> "datasets.Dataset":
        """Returns the rows as a `datasets.Dataset` in memory, whose column `image` is decoded.

        `datasets.load_dataset(folder)` reads the same from disk, for what does not fit.

        Raises:
            MissingExtraError: `datasets` is not installed.
        """
        need_package("datasets")
        import datasets

        table = self.to_arrow(split, model, images=True)
        return datasets.Dataset(table)

    def votes(self, split: str | None = None, model: str | None = None) -> pa.Table:
        """Returns the single votes as an Arrow table; it has no row if the release has none.

        Its column `purpose` tells votes (`label`) from answers to gold sentences (`gold`) and
        adjudications (`adjudicate`); `in_control` is null in releases of older versions.
        """
        tables = []
        for path in self._paths(VOTES, split, model):
            with self.folder.open(path) as source, damage_named(self.address, path):
                for batch in pq.ParquetFile(source).iter_batches():
                    current = pa.Table.from_batches([as_current(batch, VOTE_SCHEMA)])
                    tables.append(current.cast(VOTE_SCHEMA))
        return pa.concat_tables([VOTE_SCHEMA.empty_table(), *tables])

    def table(self, name: str) -> pa.Table:
        """Returns a table of `statistics/`, such as `sentences_by_model`.

        Raises:
            KeyError: There is none of that name.
        """
        import pyarrow.csv as pa_csv

        path = f"statistics/{name}.csv"
        if path not in self.sizes:
            raise KeyError(name)
        return pa_csv.read_csv(pa.BufferReader(self.folder.bytes(path)))

    def _paths(self, kind: str, split: str | None, model: str | None) -> Sequence[str]:
        for wanted, known, word in ((split, self.splits, "split"), (model, self.models, "model")):
            if wanted is not None and wanted not in known:
                raise NotAReleaseError(
                    f"{self.address} has no {word} {wanted!r}.",
                    f"Name one of: {', '.join(known)}.",
                )
        return [
            path
            for path, shard in self.folder.shards.items()
            if shard.kind == kind and split in (None, shard.split) and model in (None, shard.model)
        ]

    def _row_count(self, path: str) -> int:
        with damage_named(self.address, path):
            count: int = pq.ParquetFile(self.folder.open_ranges(path)).metadata.num_rows
        return count

    def _batches(
        self, path: str, *, images: bool, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yields a file's rows; one row group after the other: Arrow fails across the border."""
        with damage_named(self.address, path):
            file = pq.ParquetFile(self.folder.open_ranges(path))
            names = [name for name in file.schema_arrow.names if images or name != _IMAGE]
            chosen = names if columns is None else list(columns)
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=chosen):
                    yield batch if columns is not None else as_current(batch)


def open_release(address: str | Path) -> Release:
    """Opens the release at a folder or an `s3://bucket/prefix`, which may end in `latest`.

    Raises:
        NotAReleaseError: There is no release at that address.
    """
    return Release(address)


def _sentence(row: dict[str, Any], split: str) -> Sentence:
    image = row.pop(_IMAGE)
    return Sentence(
        sentence_id=row["sentence_id"],
        model=row["model"],
        caption=row["caption"],
        annotation=row["annotation"],
        error_spans=tuple(WrongSpan(**span) for span in row["error_spans"]),
        image_id=row["image_id"],
        split=split,
        n_votes=row["n_votes"],
        in_control=row["in_control"],
        columns=row,
        image_data=None if image is None else image["bytes"],
    )


def need_package(package: str) -> None:
    """Raises `MissingExtraError` if a package that researchers need is not installed."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise MissingExtraError(
            f"This needs the package '{package}', which is not installed.",
            "Run: pip install 'alignbench[evaluation]'.",
        )
