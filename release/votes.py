"""Writing each vote on the released sentences, annotators under pseudonyms, by model."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from release.buckets import Buckets
from release.columns import VOTE_SCHEMA
from release.layout import VOTES, Shard
from release.shards import ShardWriter

GROUP_ROWS: Final = 100_000


def write_votes(
    folder: Path, model: str, split: str, votes: Buckets, pseudonyms: Mapping[str, str]
) -> list[str]:
    """Writes a model's votes, sorted by sentence, round and pseudonym.

    Args:
        folder: The release folder.
        model: Whose sentences' votes.
        split: The split they are in.
        votes: Votes of all models with the column `model`, parted by sentence.
        pseudonyms: Pseudonyms of all annotators.

    Returns:
        The files' paths in the release.
    """
    with ShardWriter(folder, Shard(VOTES, model, split, 0, 0), VOTE_SCHEMA) as writer:
        for group in _groups(_of_model(votes, model, pseudonyms)):
            writer.write(group)
    return writer.paths


def _of_model(votes: Buckets, model: str, pseudonyms: Mapping[str, str]) -> Iterator[pa.Table]:
    names = pa.array(list(pseudonyms), pa.string())
    hidden = pa.array(list(pseudonyms.values()), pa.string())
    for bucket in votes:
        rows = bucket.filter(pc.field("model") == model)
        place = rows.schema.get_field_index("annotator")
        known_as = hidden.take(pc.index_in(rows["annotator"], value_set=names).combine_chunks())
        rows = rows.set_column(place, "annotator", known_as)
        order = [(name, "ascending") for name in ("sentence_id", "round", "annotator")]
        yield rows.select(VOTE_SCHEMA.names).sort_by(order).cast(VOTE_SCHEMA)


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
