"""How shards are written: an image once per row group, groups and files bounded, in order."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignbench.release.publishing.shards import ShardWriter
from alignbench.release.rows.images import BLOB_COLUMN, with_images
from alignbench.release_format.columns import DATA_SCHEMA
from alignbench.release_format.layout import DATA, Shard, parse_shard, shard_path

IMAGE_BYTES = 40_000
PLACE = Shard(DATA, "model", "test", 0, 0)


def blob(number: int) -> bytes:
    return np.random.default_rng(number).bytes(IMAGE_BYTES)


def rows_of(images: int, sentences: int, per_table: int = 5) -> Iterator[pa.Table]:
    """Yields rows as a release has them, in tables of some images each."""
    for first in range(0, images, per_table):
        numbers = range(first, min(first + per_table, images))
        rows = [
            {
                "model": "model",
                "image_id": f"{number:08d}",
                "pair_id": "p",
                "sentence_index": index,
                "caption": f"Sentence {index} of image {number}.",
                "error_spans": [],
                "error_words": [],
            }
            for number in numbers
            for index in range(sentences)
        ]
        without_image = pa.schema([field for field in DATA_SCHEMA if field.name != "image"])
        table = pa.Table.from_pylist(rows, schema=without_image)
        blobs = [f"blobs/{int(row['image_id'])}" for row in rows]
        yield table.append_column(BLOB_COLUMN, pa.array(blobs))


def write(folder: Path, images: int, sentences: int, group_bytes: int, shard_bytes: int):
    def read(key: str) -> bytes:
        return blob(int(key.rpartition("/")[2]))

    with ShardWriter(folder, PLACE, DATA_SCHEMA, shard_bytes) as writer:
        for group in with_images(rows_of(images, sentences), read, group_bytes):
            writer.write(group)
    return [folder / path for path in writer.paths]


def test_an_image_is_stored_once_per_row_group(tmp_path):
    (path,) = write(tmp_path, images=30, sentences=6, group_bytes=10**8, shard_bytes=10**9)
    unique = 30 * IMAGE_BYTES
    assert unique < path.stat().st_size < 1.05 * unique
    assert pq.ParquetFile(path).metadata.num_row_groups == 1


def test_row_groups_are_bounded_by_their_decoded_bytes_and_keep_images_whole(tmp_path):
    limit = 10 * 6 * IMAGE_BYTES
    (path,) = write(tmp_path, images=32, sentences=6, group_bytes=limit, shard_bytes=10**9)
    file = pq.ParquetFile(path)
    groups = [file.read_row_group(number) for number in range(file.metadata.num_row_groups)]
    assert len(groups) == 4
    for group in groups:
        assert group.nbytes <= limit
    images = [set(group["image_id"].to_pylist()) for group in groups]
    assert sum(len(found) for found in images) == 32
    assert path.stat().st_size < 1.05 * 32 * IMAGE_BYTES


def test_an_image_with_more_rows_than_a_group_holds_is_cut(tmp_path):
    limit = 4 * IMAGE_BYTES
    (path,) = write(tmp_path, images=2, sentences=9, group_bytes=limit, shard_bytes=10**9)
    file = pq.ParquetFile(path)
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    assert sum(sizes) == 18
    assert max(sizes) <= 4
    assert file.read(["image_id"])["image_id"].to_pylist() == ["00000000"] * 9 + ["00000001"] * 9


def test_one_row_larger_than_a_group_is_a_group(tmp_path):
    (path,) = write(tmp_path, images=2, sentences=1, group_bytes=100, shard_bytes=10**9)
    assert pq.ParquetFile(path).metadata.num_row_groups == 2


def test_shards_are_bounded_and_numbered(tmp_path):
    paths = write(tmp_path, 30, 3, group_bytes=5 * 3 * IMAGE_BYTES, shard_bytes=500_000)
    assert [path.name for path in paths] == [
        f"test-{number:05d}-of-{len(paths):05d}.parquet" for number in range(len(paths))
    ]
    assert len(paths) > 2
    assert all(path.stat().st_size < 520_000 for path in paths)
    read = pa.concat_tables(pq.read_table(path, partitioning=None) for path in paths)
    assert read["image_id"].to_pylist() == sorted(read["image_id"].to_pylist())
    assert len(read) == 90
    for row in read.slice(0, 12).to_pylist():
        assert row["image"]["bytes"] == blob(int(row["image_id"]))
    assert sorted(path.name for path in (tmp_path / "data/model").iterdir()) == [
        path.name for path in paths
    ]


def test_files_have_a_page_index_and_no_dictionary_type(tmp_path):
    (path,) = write(tmp_path, 5, 2, group_bytes=10**8, shard_bytes=10**9)
    file = pq.ParquetFile(path)
    assert file.schema_arrow.remove_metadata() == DATA_SCHEMA
    group = file.metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert all(column.has_offset_index for column in columns.values())
    assert columns["image.bytes"].compression == "UNCOMPRESSED"
    assert columns["caption"].compression == "ZSTD"
    assert columns["image_id"].has_column_index


def test_memory_is_bounded_by_row_groups(tmp_path):
    limit = 5 * 3 * IMAGE_BYTES
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    most = 0

    def read(key: str) -> bytes:
        return blob(int(key.rpartition("/")[2]))

    with ShardWriter(tmp_path, PLACE, DATA_SCHEMA) as writer:
        for group in with_images(rows_of(200, 3), read, limit):
            writer.write(group)
            most = max(most, pool.bytes_allocated() - before)
    assert writer.rows == 600
    assert most < 2 * limit


def test_a_failed_write_leaves_no_numbered_shard(tmp_path):
    def write_and_stop() -> None:
        with ShardWriter(tmp_path, PLACE, DATA_SCHEMA) as writer:
            writer.write(next(with_images(rows_of(5, 2), lambda _: blob(1))))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_and_stop()
    assert not list(tmp_path.rglob("*.parquet"))


def test_shard_names_can_be_read_back():
    shard = Shard(DATA, "gpt-4o.mini", "test", 3, 12)
    assert shard_path(shard) == "data/gpt-4o.mini/test-00003-of-00012.parquet"
    assert parse_shard(shard_path(shard)) == shard
    assert parse_shard("data/test-00003-of-00012.parquet") is None
    assert parse_shard("statistics/fleiss_by_model.csv") is None
