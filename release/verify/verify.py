"""`verify`: every rule of a release, from the release alone, in bounded memory.

Rows stream; what is held whole are ids of images. What needs rows of several files together is
parted onto local disk (`release.verify.joined`).
"""

import tempfile
from pathlib import Path

from release.columns import (
    DATA_SCHEMA,
    REQUIRED_DATA,
    REQUIRED_VOTE,
    SORT_COLUMNS,
    VOTE_SCHEMA,
)
from release.image_counts import ImageCounter
from release.layout import DATA, Shard
from release.statistics import COLUMNS, Statistics
from release.verify.batches import batches, table_of
from release.verify.files import check_files, check_shards
from release.verify.folder import ReleaseFolder, open_release
from release.verify.images import ImageCheck
from release.verify.joined import JoinedChecks
from release.verify.order import OrderCheck, SplitCheck
from release.verify.report import Findings, VerifyReport
from release.verify.rows import check_rows
from release.verify.texts import (
    Counted,
    check_card,
    check_croissant,
    check_manifest,
    check_statistics,
)

_VOTE_ORDER = ("sentence_id", "round", "annotator")


def verify(address: str | Path) -> VerifyReport:
    """Checks a release.

    Args:
        address: Its folder, or its `s3://bucket/prefix`.

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
    statistics, images = Statistics(), ImageCounter()
    with tempfile.TemporaryDirectory(prefix="alignbench-verify-") as scratch:
        joined = JoinedChecks(Path(scratch))
        _check_data(folder, shards, joined, statistics, images, findings)
        _check_votes(folder, shards, joined, findings)
        joined.check(findings)
    counted = Counted.of(statistics, images.counts(), joined.votes, len(joined.annotators))
    manifest = check_manifest(folder, counted, shards, findings)
    check_statistics(folder, statistics, findings)
    check_croissant(folder, listed, shards, findings)
    if manifest is not None:
        check_card(folder, manifest, findings)
    return VerifyReport(
        address=str(address),
        files=len(folder.sizes),
        rows=joined.sentences,
        votes=joined.votes,
        findings=tuple(findings.kept),
        broken=dict(sorted(findings.counts.items())),
    )


def _check_data(
    folder: ReleaseFolder,
    shards: dict[str, Shard],
    joined: JoinedChecks,
    statistics: Statistics,
    images: ImageCounter,
    findings: Findings,
) -> None:
    order, splits = OrderCheck(SORT_COLUMNS), SplitCheck()
    for path, shard in shards.items():
        if shard.kind != DATA:
            continue
        image_check = ImageCheck()
        for batch in batches(folder, path, DATA_SCHEMA, REQUIRED_DATA, findings):
            check_rows(batch, shard, findings)
            order.check(batch, shard, findings)
            splits.check(batch, shard, findings)
            image_check.check(batch, findings)
            joined.add_sentences(batch)
            rows = table_of(batch)
            statistics.add(rows.select(list(COLUMNS)))
            images.add(rows)


def _check_votes(
    folder: ReleaseFolder, shards: dict[str, Shard], joined: JoinedChecks, findings: Findings
) -> None:
    order = OrderCheck(_VOTE_ORDER)
    for path, shard in shards.items():
        if shard.kind == DATA:
            continue
        for batch in batches(folder, path, VOTE_SCHEMA, REQUIRED_VOTE, findings):
            order.check(batch, shard, findings)
            joined.add_votes(batch)
