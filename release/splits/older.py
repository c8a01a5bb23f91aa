"""An older release as the start of a newer one: which image and prompt is in which split there."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.release.splits.splits import OLD_SCHEMA
from alignbench.release_format.damage import damage_named
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS, DATA
from alignbench.release_format.manifest import ReleaseRecord, finished_manifest
from alignbench.schemas.ids import prompt_id, sha256_hex
from alignbench.schemas.vocabulary import Direction

_COLUMNS = ("image_id", "direction", "full_caption", "perceptual_hash")


def older_release(address: str) -> tuple[ReleaseRecord, pa.Table]:
    """Returns what a release is, and the sides of its images and prompts.

    Args:
        address: Its folder, or its `s3://bucket/prefix`.

    Returns:
        Its record, and rows of `release.splits.OLD_SCHEMA`.

    Raises:
        NotAReleaseError: It is none, or not of this schema version.
        ReleaseColumnError: A file of it is damaged.
    """
    folder = open_release(address)
    manifest = finished_manifest(folder)
    parts = [OLD_SCHEMA.empty_table()]
    for path, shard in folder.shards.items():
        if shard.kind == DATA:
            with folder.open(path) as source, damage_named(folder.address, path):
                rows = pq.read_table(source, columns=list(_COLUMNS), partitioning=None)
            parts.append(_sides(rows, shard.split))
    sha256 = sha256_hex(folder.bytes(CHECKSUMS))
    record = ReleaseRecord(name=manifest.name, version=manifest.version, sha256=sha256)
    return record, pa.concat_tables(parts)


def _sides(rows: pa.Table, split: str) -> pa.Table:
    made = rows.filter(pc.field("direction") == Direction.T2I.value)
    prompts = [prompt_id(text) for text in made["full_caption"].to_pylist()]
    found = rows.filter(pc.field("direction") != Direction.T2I.value)
    table = pa.concat_tables(
        [
            made.select(["image_id", "perceptual_hash"]).append_column(
                "prompt_id", pa.array(prompts, pa.string())
            ),
            found.select(["image_id", "perceptual_hash"]).append_column(
                "prompt_id", pa.nulls(len(found), pa.string())
            ),
        ]
    )
    names = ["image_id", "prompt_id", "perceptual_hash"]
    table = table.select(names).group_by(names).aggregate([])
    side = pa.array([split] * len(table), pa.string())
    return table.append_column("split", side).select(OLD_SCHEMA.names).cast(OLD_SCHEMA)
