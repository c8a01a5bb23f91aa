"""Where things lie in a release folder, and which names can be used there."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from alignbench.release.errors import UnusableNameError

CHECKSUMS: Final = "SHA256SUMS"
MANIFEST: Final = "release.json"
CARD: Final = "README.md"
CROISSANT: Final = "croissant.json"
DATA: Final = "data"
VOTES: Final = "annotations"
STATISTICS: Final = "statistics"
FIGURES: Final = "statistics/figures"

ALL_MODELS: Final = "all"
"""Config over all models' data; the default one."""

_SHARD: Final = re.compile(
    r"(?P<kind>data|annotations)/(?P<model>[^/]+)/(?P<split>[^/]+)"
    r"-(?P<number>\d{5})-of-(?P<total>\d{5})\.parquet"
)
_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SPLIT: Final = re.compile(r"\w+(\.\w+)*", re.ASCII)


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


def check_names(models: Iterable[str], splits: Iterable[str]) -> None:
    """Checks names that become folders, dataset configs and splits.

    Raises:
        UnusableNameError: One of them cannot.
    """
    for split in splits:
        if not _SPLIT.fullmatch(split):
            raise UnusableNameError(
                f"The split name {split!r} cannot be loaded by datasets.",
                "Use letters, digits and '_' only, such as 'test', in [release] splits.",
            )
    for model in models:
        if model in (ALL_MODELS, VOTES):
            raise UnusableNameError(
                f"A model is named {model!r}, which is the name of another config of a release.",
                "Give the captioner or image generator another name.",
            )
        if not _MODEL.fullmatch(model):
            raise UnusableNameError(
                f"The model name {model!r} cannot be a folder of a release.",
                "Use up to 64 letters, digits, '.', '_' and '-', a letter or digit first.",
            )
