"""`release.json`: what a release was made from and what is in it; and `SHA256SUMS`."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from pydantic import BaseModel, ConfigDict

from alignbench.release.columns import RELEASE_SCHEMA_VERSION
from alignbench.release.statistics import Statistics
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.rows import LabelSet
from alignbench.schemas.vocabulary import Direction, Purpose, Verdict

_CHUNK = 4 << 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SelectionRecord(_Part):
    """What of the workspace was released."""

    generator_ids: tuple[str, ...]
    splitter_id: str | None


class LabelSetRecord(_Part):
    """Whose labels they are; `options` are the method's."""

    label_set_id: str
    method: str
    options: dict[str, Any]
    answers_sha256: str

    @classmethod
    def of(cls, label_set: LabelSet) -> Self:
        """Returns the record of a row of `label_sets`."""
        return cls(
            label_set_id=label_set.label_set_id,
            method=label_set.method,
            options=json.loads(label_set.options),
            answers_sha256=label_set.answers_sha256,
        )


class ReleaseRecord(_Part):
    """Another release, by name, version and the SHA-256 of its `SHA256SUMS`."""

    name: str
    version: str
    sha256: str


class ImageCounts(_Part):
    """Images by how a reader gets them; each image counts once."""

    embedded: int
    by_url: int
    unavailable: int


class ModelCounts(_Part):
    """What one model has in the release."""

    direction: Direction
    sentences: int
    correct: int
    incorrect: int
    unknown: int
    votes: int


class SplitCounts(_Part):
    """What one split has in the release; `by_model` counts sentences."""

    sentences: int
    votes: int
    adjudications: int
    by_model: dict[str, int]


class SplitRecord(_Part):
    """How the sentences were dealt out to splits; `after` is the release whose sides were kept."""

    shares: dict[str, float]
    near_duplicates: int
    after: ReleaseRecord | None = None


class LeftOut(_Part):
    """Selected sentences that are not in the release, by why.

    `between_splits`: their image belongs together with images of an older release that are in two
    splits.
    """

    unanswered: int
    below_minimum_votes: int
    between_splits: int


class Counts(_Part):
    """What is in the release."""

    sentences: int
    votes: int
    adjudications: int
    annotators: int
    images: ImageCounts
    by_model: dict[str, ModelCounts]
    by_split: dict[str, SplitCounts]
    left_out: LeftOut


class Manifest(_Part):
    """The content of `release.json`.

    Attributes:
        config: The whole resolved configuration, without secrets.
    """

    name: str
    version: str
    date: datetime.date | None
    title: str
    description: str
    license: str
    splits: SplitRecord
    figures: bool
    schema_version: int = RELEASE_SCHEMA_VERSION
    selection: SelectionRecord
    label_set: LabelSetRecord
    counts: Counts
    config: dict[str, Any]

    def to_json(self) -> str:
        """Returns the file's text."""
        return self.model_dump_json(indent=2) + "\n"


def model_counts(statistics: Statistics) -> dict[str, ModelCounts]:
    """Returns what each model has, from the counts over its rows."""
    return {
        model: ModelCounts(
            direction=Direction(part.direction),
            sentences=part.sentences,
            correct=part.verdicts[Verdict.CORRECT],
            incorrect=part.verdicts[Verdict.INCORRECT],
            unknown=part.verdicts[Verdict.UNKNOWN],
            votes=part.vote_count,
        )
        for model, part in sorted(statistics.models.items())
    }


def split_counts(statistics: Statistics) -> dict[str, SplitCounts]:
    """Returns what each split has, from the counts over its rows."""
    found = {}
    for split in statistics.splits:
        models = {m: part.sentences for (s, m), part in statistics.parts.items() if s == split}
        found[split] = SplitCounts(
            sentences=sum(models.values()),
            votes=statistics.answers[split, Purpose.LABEL.value],
            adjudications=statistics.answers[split, Purpose.ADJUDICATE.value],
            by_model=dict(sorted(models.items())),
        )
    return found


def checksum(file: IO[bytes]) -> str:
    """Returns SHA-256 of what is left to read in a file."""
    sha256 = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        sha256.update(chunk)
    return sha256.hexdigest()


def checksums_of(folder: Path) -> dict[str, str]:
    """Returns SHA-256 of every file below a folder, by its path there, in order."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = checksum(file)
    return dict(sorted(found.items()))


def checksums_text(checksums: Mapping[str, str]) -> str:
    """Returns the text of `SHA256SUMS`, as `sha256sum --check` reads it."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(checksums.items()))


def parse_checksums(text: str) -> dict[str, str] | None:
    """Returns SHA-256 by path; None if a line is not such a pair, or a path stands twice."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        sha256, gap, path = line[:64], line[64:66], line[66:]
        is_hex = len(sha256) == len(sha256_hex(b"")) and set(sha256) <= set("0123456789abcdef")
        if gap != "  " or not path or not is_hex or path in found:
            return None
        found[path] = sha256
    return found
