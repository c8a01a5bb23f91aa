"""Where things lie in a release folder."""

import re
from typing import Final, NamedTuple

CHECKSUMS: Final = "SHA256SUMS"
MANIFEST: Final = "release.json"
CARD: Final = "README.md"
CROISSANT: Final = "croissant.json"
LICENCE: Final = "LICENSE"
CITATION: Final = "CITATION.cff"
DATA: Final = "data"
VOTES: Final = "annotations"
STATISTICS: Final = "statistics"
FIGURES: Final = "statistics/figures"

IMPORT_REPORT: Final = "import-report.json"
"""In an imported release: what of the set's files could not be placed, each named."""

LATEST: Final = "latest.json"
"""Beside the versions of a published release: which is the newest."""

_SHARD: Final = re.compile(
    r"(?P<kind>data|annotations)/(?P<model>[^/]+)/(?P<split>[^/]+)"
    r"-(?P<number>\d{5})-of-(?P<total>\d{5})\.parquet"
)


class Shard(NamedTuple):
    """A Parquet file's place in a release: which of how many, of which model and split."""

    kind: str
    model: str
    split: str
    number: int
    total: int


def release_folder(name: str, version: str) -> str:
    """Returns the key of a release in its workspace."""
    return f"releases/{name}/{version}"


def shard_path(shard: Shard) -> str:
    """Returns a Parquet file's path in the release."""
    place = f"{shard.number:05d}-of-{shard.total:05d}"
    return f"{shard.kind}/{shard.model}/{shard.split}-{place}.parquet"


def parse_shard(path: str) -> Shard | None:
    """Returns what a path says of a Parquet file; None if it is no shard's path."""
    found = _SHARD.fullmatch(path)
    if found is None:
        return None
    kind, model, split = found["kind"], found["model"], found["split"]
    return Shard(kind, model, split, int(found["number"]), int(found["total"]))
