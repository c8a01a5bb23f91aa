"""Writing a release folder, whatever its rows come from: a workspace's labels, or an imported set.

Rows are read once, model by model; everything else in the folder follows from them, so that
`verify` can derive it again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from alignbench.release.agreement.by_unit import AgreementByUnit
from alignbench.release.columns.cells import to_csv
from alignbench.release.counting.counts import model_counts, split_counts
from alignbench.release.counting.figures import draw_figures
from alignbench.release.counting.image_counts import ImageCounter
from alignbench.release.counting.statistics import COLUMNS, Statistics
from alignbench.release.counting.tables import Tables, release_tables, table_path
from alignbench.release.documents.card import render_card
from alignbench.release.documents.croissant import render_croissant
from alignbench.release.documents.texts import terms_texts
from alignbench.release.errors import RefusedReleaseError
from alignbench.release.labels.stopping import StoppingVotes
from alignbench.release.names import check_names
from alignbench.release.publishing.shards import ShardWriter
from alignbench.release.publishing.vote_shards import write_votes
from alignbench.release.rows.images import with_images
from alignbench.release.verify.report import VerifyReport
from alignbench.release_format.checksums import checksums_of, checksums_text
from alignbench.release_format.columns import DATA_SCHEMA
from alignbench.release_format.layout import (
    CARD,
    CHECKSUMS,
    CROISSANT,
    DATA,
    MANIFEST,
    Shard,
    parse_shard,
)
from alignbench.release_format.manifest import Counts, LeftOut, Manifest
from alignbench.workspace.tables.buckets import Buckets


class Contents(NamedTuple):
    """What goes into a release.

    Attributes:
        models: Models that have rows, sorted.
        images_by_split: The images of each split.
        rows: Returns a model's rows of some images, sorted: all columns but `image`, and
            `release.images.BLOB_COLUMN`.
        read: Returns the bytes of a stored image; called from other threads.
        votes: The votes and adjudications, with `image_id`; None where the set has none.
        annotators: How many people gave them.
        agreement: How far the votes agree.
        left_out: Sentences that are not in the release.
        stopping: The votes, to check how sure labels on few of them are; None without votes.
        texts: Further files by their paths, such as a report of an import.
    """

    models: Sequence[str]
    images_by_split: Mapping[str, pa.Array]
    rows: Callable[[str, pa.Array], Iterator[pa.Table]]
    read: Callable[[str], bytes]
    votes: Buckets | None
    annotators: int
    agreement: AgreementByUnit
    left_out: LeftOut
    stopping: StoppingVotes | None = None
    texts: Mapping[str, str] = {}


def write_release(
    folder: Path, contents: Contents, manifest_of: Callable[[Counts], Manifest]
) -> Manifest:
    """Writes the whole release folder, `SHA256SUMS` last.

    Args:
        folder: An empty folder.
        contents: What goes into it.
        manifest_of: Returns the content of `release.json` for the counts over the rows.

    Raises:
        UnusableNameError: A model or a split cannot be named so in a release.
        MissingExtraError: Figures are wanted and Matplotlib is not installed.
    """
    check_names(contents.models, contents.images_by_split)
    statistics, images = Statistics(), ImageCounter()
    _write_shards(folder, contents, statistics, images)
    manifest = manifest_of(_counts(contents, statistics, images))
    tables = release_tables(statistics, images, contents.agreement, contents.stopping)
    _write_texts(folder, manifest, statistics, tables, contents.texts)
    return manifest


def refuse_unless_sound(report: VerifyReport) -> None:
    """Raises `RefusedReleaseError` if what was written does not pass `verify`."""
    if not report.ok:
        raise RefusedReleaseError(
            f"The release does not pass its own verification: {report.findings[0]}"
            f" ({len(report.findings)} findings).",
            "Nothing was published. If the workspace's rows were not changed by hand, report this.",
        )


def _write_shards(
    folder: Path, contents: Contents, statistics: Statistics, images: ImageCounter
) -> None:
    for model in contents.models:
        for split, chosen in contents.images_by_split.items():
            with ShardWriter(folder, Shard(DATA, model, split, 0, 0), DATA_SCHEMA) as writer:
                for group in with_images(contents.rows(model, chosen), contents.read):
                    writer.write(group)
                    statistics.add(group.select(list(COLUMNS)), split)
                    images.add(group)
            if contents.votes is not None:
                purposes = write_votes(folder, model, split, chosen, contents.votes)
                statistics.add_votes(split, purposes)


def _write_texts(
    folder: Path,
    manifest: Manifest,
    statistics: Statistics,
    tables: Tables,
    further: Mapping[str, str],
) -> None:
    shards = {path: sha for path, sha in checksums_of(folder).items() if parse_shard(path)}
    sizes = {path: (folder / path).stat().st_size for path in shards}
    texts = {
        **{table_path(name): to_csv(rows) for name, rows in tables.items()},
        **further,
        CROISSANT: render_croissant(manifest, shards),
        MANIFEST: manifest.to_json(),
        **terms_texts(manifest),
        CARD: render_card(manifest, statistics, tables, sizes),
    }
    files = {path: text.encode() for path, text in texts.items()}
    if manifest.figures:
        files.update(draw_figures(tables))
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / CHECKSUMS).write_text(checksums_text(checksums_of(folder)), encoding="utf-8")


def _counts(contents: Contents, statistics: Statistics, images: ImageCounter) -> Counts:
    by_split = split_counts(statistics)
    return Counts(
        sentences=sum(part.sentences for part in by_split.values()),
        votes=sum(part.votes for part in by_split.values()),
        adjudications=sum(part.adjudications for part in by_split.values()),
        annotators=contents.annotators,
        images=images.counts(),
        by_model=model_counts(statistics),
        by_split=by_split,
        left_out=contents.left_out,
    )
