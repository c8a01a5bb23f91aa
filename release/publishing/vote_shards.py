"""Writing the votes on released sentences, annotators under pseudonyms, by model."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.publishing.shards import ShardWriter
from alignbench.release_format.columns import VOTE_SCHEMA, VOTE_SORT_COLUMNS
from alignbench.release_format.layout import VOTES, Shard
from alignbench.workspace.tables.buckets import Buckets

GROUP_ROWS: Final = 100_000


def write_votes(
    folder: Path, model: str, split: str, images: pa.Array, votes: Buckets
) -> Counter[str]:
    """Writes the votes on a model's sentences in a split, in the order of `VOTE_SORT_COLUMNS`.

    Args:
        folder: The release folder.
        model: Whose sentences.
        split: The split that they are in.
        images: The images of the split.
        votes: Votes and adjudications of all models, with `image_id`, parted by sentence.

    Returns:
        How many there are of each purpose.
    """
    purposes: Counter[str] = Counter()
    with ShardWriter(folder, Shard(VOTES, model, split, 0, 0), VOTE_SCHEMA) as writer:
        for group in _groups(_chosen(votes, model, images)):
            writer.write(group)
            purposes.update(group["purpose"].to_pylist())
    return purposes


def _chosen(votes: Buckets, model: str, images: pa.Array) -> Iterator[pa.Table]:
    order = [(name, "ascending") for name in VOTE_SORT_COLUMNS]
    for bucket in votes:
        chosen = (pc.field("model") == model) & pc.field("image_id").isin(images)
        yield bucket.filter(chosen).select(VOTE_SCHEMA.names).sort_by(order)


def _groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yields the rows in tables of `GROUP_ROWS` rows, but for the last."""
    pending = VOTE_SCHEMA.empty_table()
    for table in tables:
        pending = pa.concat_tables([pending, table])
        while len(pending) >= GROUP_ROWS:
            yield pending.slice(0, GROUP_ROWS)
            pending = pending.slice(GROUP_ROWS)
    if len(pending):
        yield pending
