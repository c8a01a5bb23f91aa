"""`verify`: every rule of a release, from the release alone, in bounded memory.

Rows stream; what is held whole are ids of images. What needs rows of several files together is
parted onto local disk (`release.verify.joined`).
"""

import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from alignbench.release.agreement.intervals import JACKKNIFE
from alignbench.release.counting.image_counts import ImageCounter
from alignbench.release.counting.statistics import COLUMNS, Statistics
from alignbench.release.counting.tables import SPAN_TABLE, release_tables, table_path
from alignbench.release.documents.card import render_card
from alignbench.release.documents.texts import templates_id
from alignbench.release.verify.batches import Batch, batches, table_of
from alignbench.release.verify.files import check_files, check_shards
from alignbench.release.verify.identity import IdentityCheck, Origins
from alignbench.release.verify.images import ImageCheck
from alignbench.release.verify.joined import JoinedChecks
from alignbench.release.verify.near import NearDuplicateCheck
from alignbench.release.verify.order import OrderCheck, SplitCheck
from alignbench.release.verify.published import check_import_report, check_known
from alignbench.release.verify.report import Findings, VerifyReport
from alignbench.release.verify.rounds import check_rounds, label_options, rounds_of
from alignbench.release.verify.rows import check_rows
from alignbench.release.verify.texts import (
    Counted,
    check_card,
    check_croissant,
    check_figures,
    check_manifest,
    check_statistics,
    check_terms,
    tables_as_written,
)
from alignbench.release_format.columns import (
    RELEASE_SCHEMA_VERSION,
    REQUIRED_DATA,
    REQUIRED_VOTE,
    SORT_COLUMNS,
    VOTE_SCHEMA,
    VOTE_SORT_COLUMNS,
    as_current,
    data_schema,
    vote_schema,
)
from alignbench.release_format.folder import ReleaseFolder, open_release
from alignbench.release_format.layout import DATA, Shard


def verify(address: str | Path, *, every_image: bool = False) -> VerifyReport:
    """Checks a release.

    Args:
        address: Its folder, or its `s3://bucket/prefix`.
        every_image: Whether the perceptual hash of every image is computed again; else that of
            the first `HASHED_IMAGES` of each file.

    Returns:
        Every broken rule, with file and row. A release whose report is `ok` is complete, unchanged
        and consistent.

    Raises:
        NotAReleaseError: There is nothing at that address.
    """
    folder = open_release(str(address))
    findings = Findings()
    listed = check_files(folder, findings)
    shards = check_shards(folder, findings)
    statistics, images, near = Statistics(), ImageCounter(), NearDuplicateCheck()
    with tempfile.TemporaryDirectory(prefix="alignbench-verify-") as scratch:
        joined = JoinedChecks(Path(scratch), rounds_of(folder.record), label_options(folder.record))
        streamed = _Streamed(joined, near, statistics, images)
        _check_data(folder, shards, streamed, findings, every_image=every_image)
        _check_votes(folder, shards, joined, statistics, findings)
        joined.check(findings)
    counted = Counted.of(statistics, images.counts(), len(joined.annotators))
    manifest = check_manifest(folder, counted, findings)
    tables = release_tables(statistics, images, joined.agreement, joined.stopping)
    if not joined.has_words:
        del tables[SPAN_TABLE]
    has_intervals = manifest is None or manifest.intervals == JACKKNIFE
    check_statistics(folder, tables, findings, with_intervals=has_intervals)
    check_croissant(folder, listed, shards, manifest, findings)
    if manifest is not None:
        check_rounds(manifest, joined.wordings, findings)
        near.check(manifest.splits.near_duplicates, findings)
        check_figures(folder, manifest, findings)
        check_import_report(folder, manifest, findings)
        check_terms(folder, manifest, findings)
        as_written = tables_as_written(folder, tables)
        sizes = {path: folder.sizes[path] for path in shards}
        card = render_card(manifest, statistics, as_written, sizes)
        check_card(folder, card, findings, whole=manifest.texts == templates_id())
    return VerifyReport(
        address=str(address),
        files=len(folder.sizes),
        rows=joined.sentences,
        votes=joined.votes,
        findings=tuple(findings.kept),
        broken=dict(sorted(findings.counts.items())),
        unchecked=() if joined.has_words else (table_path(SPAN_TABLE), "error_spans in data/"),
    )


class _Streamed(NamedTuple):
    """What takes every row of the data once."""

    joined: JoinedChecks
    near: NearDuplicateCheck
    statistics: Statistics
    images: ImageCounter

    def add(self, batch: Batch, shard: Shard) -> None:
        self.near.add(batch, shard)
        self.joined.add_sentences(batch)
        rows = table_of(batch)
        self.statistics.add(rows.select(list(COLUMNS)), shard.split)
        self.images.add(rows)


def _check_data(
    folder: ReleaseFolder,
    shards: dict[str, Shard],
    streamed: _Streamed,
    findings: Findings,
    *,
    every_image: bool,
) -> None:
    order, splits = OrderCheck(SORT_COLUMNS), SplitCheck()
    version = folder.record.get("schema_version", RELEASE_SCHEMA_VERSION)
    schema = data_schema(version)
    origins = Origins.of(folder.record)
    for path, shard in shards.items():
        if shard.kind != DATA:
            continue
        image_check = ImageCheck(hash_all=every_image)
        identity = IdentityCheck(origins)
        for found in batches(folder, path, schema, REQUIRED_DATA, findings):
            if not check_known(found, findings):
                continue
            batch = found._replace(rows=as_current(found.rows))
            check_rows(batch, shard, version, findings)
            order.check(batch, shard, findings)
            splits.check(batch, shard, findings)
            identity.check(batch, findings)
            image_check.check(batch, findings)
            streamed.add(batch, shard)


def _check_votes(
    folder: ReleaseFolder,
    shards: dict[str, Shard],
    joined: JoinedChecks,
    statistics: Statistics,
    findings: Findings,
) -> None:
    order = OrderCheck(VOTE_SORT_COLUMNS)
    schema = vote_schema(folder.record.get("schema_version", RELEASE_SCHEMA_VERSION))
    for path, shard in shards.items():
        if shard.kind == DATA:
            continue
        for found in batches(folder, path, schema, REQUIRED_VOTE, findings):
            batch = found._replace(rows=as_current(found.rows, VOTE_SCHEMA))
            order.check(batch, shard, findings)
            joined.add_votes(batch)
            purposes = Counter(batch.rows.column("purpose").to_pylist())
            statistics.add_votes(shard.split, purposes)
