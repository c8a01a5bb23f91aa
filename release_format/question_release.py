"""A release of questions as a researcher has it in Python: its tables, images, and scores."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.release_format.columns import with_features
from alignbench.release_format.damage import damage_named
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.folder import open_release as open_folder
from alignbench.release_format.question_columns import (
    IMAGE_COLUMN,
    JUDGEMENTS,
    QUESTIONS,
    RESPONSES,
    TABLES,
    ReleasedTable,
)
from alignbench.release_format.question_manifest import QuestionManifest, finished_question_manifest
from alignbench.release_format.release import need_package

if TYPE_CHECKING:
    import datasets
    import pandas as pd


class QuestionRelease:
    """A finished release of questions; nothing is read before it is asked for.

    Attributes:
        folder: Its files.
        manifest: What its `release.json` says.
    """

    def __init__(self, address: str | Path) -> None:
        """Opens a release of questions.

        Args:
            address: Its folder, or its `s3://bucket/prefix`; may end in `latest`.

        Raises:
            NotAReleaseError: There is no such release at that address.
        """
        self.folder: ReleaseFolder = open_folder(str(address))
        self.manifest: QuestionManifest = finished_question_manifest(self.folder)

    def __repr__(self) -> str:
        """Names it, and says how much is in it."""
        rows = ", ".join(f"{count:,} {name}" for name, count in self.manifest.rows.items() if count)
        return f"<QuestionRelease {self.folder.name}: {rows}>"

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The tables that have rows."""
        return tuple(name for name, count in self.manifest.rows.items() if count)

    def to_arrow(self, table: str, *, images: bool = False) -> pa.Table:
        """Returns a table's rows.

        Args:
            table: Its name: `questions`, `variants`, `responses`, `judgements`, `ratings`,
                `judges` or `models`.
            images: Whether the column `image` of the questions is read too.

        Raises:
            NotAReleaseError: There is no such table.
        """
        found = _named(table, self.folder.address)
        schema = found.schema if images else found.without_image
        batches = [
            batch.select(schema.names)
            for path in self._paths(found)
            for batch in self._batches(path, schema.names)
        ]
        return pa.Table.from_batches(batches, schema.with_metadata(with_features(schema)))

    def to_pandas(self, table: str, *, images: bool = False) -> "pd.DataFrame":
        """Returns a table's rows as a pandas frame; see `to_arrow`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        need_package("pandas")
        frame: pd.DataFrame = self.to_arrow(table, images=images).to_pandas()
        return frame

    def to_datasets(self, table: str) -> "datasets.Dataset":
        """Returns a table's rows as a `datasets.Dataset` in memory, images decoded.

        Raises:
            MissingExtraError: `datasets` is not installed.
        """
        need_package("datasets")
        import datasets

        return datasets.Dataset(self.to_arrow(table, images=True))

    def scores(self) -> pa.Table:
        """Returns one row a judgement, with what was asked and who answered.

        Columns: `judge`, `draw`, `score`, `model`, `blind`, `sample_index`, `asked_id`,
        `question_id`, `source`, `cluster`, `task`, `category`, `language`.
        """
        judgements = self.to_arrow(JUDGEMENTS.name).select(
            ["response_id", "judge", "draw", "score"]
        )
        answers = self.to_arrow(RESPONSES.name).select(
            ["response_id", "model", "blind", "sample_index", "asked_id", "question_id"]
        )
        questions = self.to_arrow(QUESTIONS.name).select(
            ["question_id", "source", "cluster", "task", "category", "language"]
        )
        joined = judgements.join(answers, "response_id", join_type="inner")
        found = joined.join(questions, "question_id", join_type="inner")
        order = ("judge", "model", "blind", "asked_id", "sample_index", "draw")
        return found.sort_by([(name, "ascending") for name in order])

    def images(self) -> Iterator[tuple[str, bytes | None]]:
        """Yields id and encoded bytes of each image once; None for what is not embedded."""
        known: set[str] = set()
        for path in self._paths(QUESTIONS):
            for batch in self._batches(path, ["image_id", IMAGE_COLUMN]):
                data = pc.struct_field(batch.column(IMAGE_COLUMN), "bytes")
                for place, image_id in enumerate(batch.column("image_id").to_pylist()):
                    if image_id is not None and image_id not in known:
                        known.add(image_id)
                        yield image_id, data[place].as_py()

    def _paths(self, table: ReleasedTable) -> list[str]:
        return [path for path, shard in self.folder.shards.items() if shard.model == table.name]

    def _batches(self, path: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yields a file's rows; one row group after the other: Arrow fails across the border."""
        with damage_named(self.folder.address, path):
            file = pq.ParquetFile(self.folder.open_ranges(path))
            for group in range(file.num_row_groups):
                yield from file.iter_batches(row_groups=[group], columns=columns)


def open_question_release(address: str | Path) -> QuestionRelease:
    """Opens the release of questions at a folder or an `s3://bucket/prefix`.

    Raises:
        NotAReleaseError: There is no such release at that address.
    """
    return QuestionRelease(address)


def _named(table: str, address: str) -> ReleasedTable:
    if table not in TABLES:
        raise NotAReleaseError(
            f"{address} has no table {table!r}.", f"Name one of: {', '.join(TABLES)}."
        )
    return TABLES[table]
