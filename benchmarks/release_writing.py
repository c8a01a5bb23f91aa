"""Writing a release's data beside `datasets`: speed, size of the files, memory.

Both sides get the same rows and images and write Parquet: ours through `release.rows.images` and
`release.publishing.shards`, theirs through `Dataset.to_parquet`, whose rows hold a copy of their
image each. Each runs in a process of its own, in turn, several times; images are random bytes,
which do not compress, and come from memory. Our time has the making of the rows in it, theirs only
the writing of rows that are in an Arrow file already.

    python -m benchmarks.release_writing [--rows 100000] [--images 16000] [--image-bytes 50000]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.release.publishing.shards import SHARD_BYTES, ShardWriter
from alignbench.release.rows.images import BLOB_COLUMN, GROUP_BYTES, with_images
from alignbench.release_format.columns import DATA_SCHEMA
from alignbench.release_format.layout import DATA, Shard
from alignbench.schemas.ids import derive_id, sha256_hex

TABLE_IMAGES = 250
TEXT = "A red ball lies on the green grass beside a small dog that looks at it, number {}."


def main() -> None:
    """Measures and prints; with `--side`, is one of the sides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=16_000)
    parser.add_argument("--image-bytes", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--side", choices=["ours", "datasets"])
    options = parser.parse_args()
    if options.side:
        with tempfile.TemporaryDirectory() as folder:
            run = _ours if options.side == "ours" else _theirs
            print(json.dumps(run(Path(folder), options)))
        return
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "datasets": []}
    for _ in range(options.repeats):
        for side, results in found.items():
            results.append(_in_a_process(side))
    _report(found, options)


def _in_a_process(side: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.release_writing", *sys.argv[1:], "--side", side]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _report(found: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> None:
    unique = options.images * options.image_bytes
    decoded = options.rows * options.image_bytes
    rates = {
        side: statistics.median(decoded / r["seconds"] / 1e6 for r in results)
        for side, results in found.items()
    }
    ours, theirs = found["ours"][0], found["datasets"][0]
    print(
        f"{options.rows:,} rows over {options.images:,} images of {options.image_bytes:,} bytes: "
        f"{decoded / 1e9:.1f} GB of rows, {unique / 1e9:.2f} GB of images\n"
    )
    print(f"speed beside datasets: {rates['ours'] / rates['datasets']:.2f} (at least 0.80)")
    print(f"files / (images + text): {ours['bytes'] / (unique + ours['text']):.3f} (at most 1.05)")
    print(f"the same of datasets: {theirs['bytes'] / (unique + ours['text']):.2f}")
    print(f"peak of Arrow's memory, row groups: {ours['arrow'] / GROUP_BYTES:.2f} (at most 2)\n")
    print("| | MB of rows/s | s | files MB | peak memory of the process MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for side, results in found.items():
        seconds = statistics.median(r["seconds"] for r in results)
        peak = max(r["peak"] for r in results)
        size = results[0]["bytes"] / 1e6
        print(f"| {side} | {rates[side]:,.0f} | {seconds:.1f} | {size:,.0f} | {peak:,.0f} |")


def _ours(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    source = _Images(options)
    pool = pa.default_memory_pool()
    before, most = pool.bytes_allocated(), 0
    place = Shard(DATA, "model", "test", 0, 0)
    started = time.monotonic()
    with ShardWriter(folder, place, DATA_SCHEMA, SHARD_BYTES) as writer:
        for group in with_images(_tables(options, source), source.read):
            writer.write(group)
            most = max(most, pool.bytes_allocated() - before)
    seconds = time.monotonic() - started
    text = 0
    for path in writer.paths:
        metadata = pq.ParquetFile(folder / path).metadata
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            columns = [group.column(place) for place in range(group.num_columns)]
            text += sum(
                c.total_compressed_size for c in columns if c.path_in_schema != "image.bytes"
            )
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return {**_result(seconds, size), "arrow": most, "text": text}


def _theirs(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    import datasets

    datasets.disable_progress_bars()
    source = _Images(options)
    features = datasets.Features.from_arrow_schema(DATA_SCHEMA)
    features["image"] = datasets.Image()
    seconds, size = 0.0, 0

    def write_shard(tables: list[pa.Table]) -> None:
        """Writes a shard and removes it again: copies of images fill a disk."""
        nonlocal seconds, size
        rows = pa.concat_tables(_with_copies(table, source) for table in tables)
        with tempfile.TemporaryDirectory(dir=folder) as shard:
            prepared, out = Path(shard) / "rows.arrow", Path(shard) / "rows.parquet"
            with pa.OSFile(str(prepared), "wb") as file, pa.ipc.new_stream(file, rows.schema) as to:
                to.write_table(rows)
            dataset = datasets.Dataset.from_file(str(prepared)).cast(features)
            started = time.monotonic()
            dataset.to_parquet(str(out))
            seconds += time.monotonic() - started
            size += out.stat().st_size

    pending: list[pa.Table] = []
    for table in _tables(options, source):
        pending.append(table)
        if sum(len(t) for t in pending) * options.image_bytes > SHARD_BYTES:
            write_shard(pending)
            pending = []
    if pending:
        write_shard(pending)
    return _result(seconds, size)


def _result(seconds: float, size: int) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"seconds": seconds, "bytes": size, "peak": peak}


class _Images:
    """Random images that are made from one block, each a different part of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._size = options.image_bytes
        self._block = np.random.default_rng(1).bytes(options.image_bytes + (64 << 20))

    def read(self, key: str) -> bytes:
        start = int(key.rpartition("/")[2]) * 4099 % (64 << 20)
        return self._block[start : start + self._size]


def _tables(options: argparse.Namespace, _: _Images) -> Iterator[pa.Table]:
    """Yields the rows sorted by image, all columns but the image itself."""
    schema = pa.schema([field for field in DATA_SCHEMA if field.name != "image"])
    per_image = np.diff(np.linspace(0, options.rows, options.images + 1).astype(int))
    for first in range(0, options.images, TABLE_IMAGES):
        numbers = range(first, min(first + TABLE_IMAGES, options.images))
        rows = [
            _row(number, index) for number in numbers for index in range(int(per_image[number]))
        ]
        blobs = [f"blobs/{number}" for number in numbers for _ in range(int(per_image[number]))]
        table = pa.Table.from_pylist(rows, schema=schema)
        yield table.append_column(BLOB_COLUMN, pa.array(blobs))


def _row(number: int, index: int) -> dict[str, Any]:
    text = TEXT.format(number)
    return {
        "model": "model", "image_source": "photos", "image_name": f"{number}.jpg",
        "image_type": "real", "sentence_index": index, "caption": text, "annotation": "correct",
        "error_words": [], "agreement_ratio": 0.8, "fleiss_Pi": 0.6, "n_correct": 4,
        "n_incorrect": 1, "n_unknown": 0, "sentence_id": derive_id(number, index),
        "pair_id": derive_id(number), "image_id": sha256_hex(f"{number:08d}".encode()),
        "direction": "i2t", "full_caption": text * 6, "sentence_start": 0,
        "sentence_end": len(text),
        "error_spans": [], "confidence": 0.8, "label_method": "majority", "adjudicated": False,
        "generator_params": "{}", "seed": number, "splitter": "en", "schema_version": 2,
    }  # fmt: skip


def _with_copies(table: pa.Table, source: _Images) -> pa.Table:
    blobs = table[BLOB_COLUMN].to_pylist()
    cache = {blob: source.read(blob) for blob in set(blobs)}
    images = pa.array(
        [{"bytes": cache[b], "path": f"{b}.jpg"} for b in blobs], DATA_SCHEMA.field("image").type
    )
    return table.drop_columns([BLOB_COLUMN]).append_column("image", images)


if __name__ == "__main__":
    main()
