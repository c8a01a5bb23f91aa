"""Damaging a copy of a release on purpose, so that exactly one thing is wrong with it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.release_format.checksums import checksums_of, checksums_text
from alignbench.release_format.layout import CARD, CHECKSUMS, CROISSANT, parse_shard

DATA = "data/careful/test-00000-of-00001.parquet"
VOTES = "annotations/careful/test-00000-of-00001.parquet"

Rows = list[dict[str, Any]]


def reseal(folder: Path) -> None:
    """Makes checksums and sizes of a changed release fit, as someone who tampers with it would."""
    (folder / CHECKSUMS).unlink(missing_ok=True)
    (folder / CARD).write_text(with_sizes(folder, (folder / CARD).read_text()))
    checksums = checksums_of(folder)
    document = json.loads((folder / CROISSANT).read_text())
    for part in document["distribution"]:
        if "contentUrl" in part and part["contentUrl"] in checksums:
            part["sha256"] = checksums[part["contentUrl"]]
    (folder / CROISSANT).write_text(json.dumps(document))
    (folder / CHECKSUMS).write_text(checksums_text(checksums_of(folder)))


def with_sizes(folder: Path, card: str) -> str:
    """Returns a card with the bytes that the files of each config and split have now."""
    globs = iter(re.findall(r'^ +path: "(.*)"$', card, re.MULTILINE))

    def size(found: re.Match[str]) -> str:
        total = sum(path.stat().st_size for path in folder.glob(next(globs)))
        return f"{found[1]}{total}"

    return re.sub(r"^( +num_bytes: )\d+$", size, card, flags=re.MULTILINE)


def rewrite(folder: Path, path: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Replaces a shard's table by a changed one, and makes the checksums fit."""
    table = pq.read_table(folder / path, partitioning=None)
    pq.write_table(change(table), folder / path)
    reseal(folder)


def change_rows(folder: Path, path: str, change: Callable[[Rows], Any]) -> None:
    """Changes a shard's rows in place, and makes the checksums fit."""

    def changed(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        change(rows)
        return pa.Table.from_pylist(rows, schema=table.schema)

    rewrite(folder, path, changed)


def change_text(folder: Path, path: str, old: str, new: str) -> None:
    """Changes a text file, and makes the checksums fit."""
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1))
    reseal(folder)


def renamed(folder: Path, path: str, to: str) -> None:
    """Renames a shard, and makes the checksums fit."""
    assert parse_shard(path)
    target = folder / to
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / path).rename(target)
    reseal(folder)
