"""Do `release.json`, `statistics/`, the card and `croissant.json` say what the rows say?"""

from fnmatch import fnmatchcase
from typing import NamedTuple

from pydantic import ValidationError

from release.card import card_configs, configs
from release.croissant import croissant_checksums
from release.layout import CARD, CROISSANT, MANIFEST, STATISTICS, Shard
from release.manifest import ImageCounts, Manifest, ModelCounts, model_counts
from release.statistics import Statistics
from release.verify.folder import ReleaseFolder
from release.verify.report import Findings, Rule


class Counted(NamedTuple):
    """What the rows of a release come to."""

    sentences: int
    votes: int
    annotators: int
    images: ImageCounts
    by_model: dict[str, ModelCounts]

    @classmethod
    def of(
        cls, statistics: Statistics, images: ImageCounts, votes: int, annotators: int
    ) -> "Counted":
        """Returns the counts over all rows."""
        sentences = sum(part.sentences for part in statistics.models.values())
        return cls(sentences, votes, annotators, images, model_counts(statistics))


def check_manifest(
    folder: ReleaseFolder, counted: Counted, shards: dict[str, Shard], findings: Findings
) -> Manifest | None:
    """Checks `release.json` against the rows; returns it if it can be read."""
    text = folder.text(MANIFEST)
    if text is None:
        findings.add(MANIFEST, Rule.MANIFEST, "is not there, or not UTF-8")
        return None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in found["loc"])
        findings.add(MANIFEST, Rule.MANIFEST, f"{place or 'the file'} is wrong: {found['msg']}")
        return None
    for name, value in counted._asdict().items():
        said = getattr(manifest.counts, name)
        if said != value:
            text = f"counts.{name} is {said}, the rows come to {value}"
            findings.add(MANIFEST, Rule.MANIFEST, text)
    for split in sorted({shard.split for shard in shards.values()} - {manifest.split}):
        findings.add(MANIFEST, Rule.MANIFEST, f"does not name the split {split}")
    return manifest


def check_statistics(folder: ReleaseFolder, statistics: Statistics, findings: Findings) -> None:
    """Checks the tables against the rows."""
    expected = statistics.files()
    for path, text in expected.items():
        if folder.text(path) != text:
            findings.add(path, Rule.STATISTICS, "is not what the rows come to")
    there = {path for path in folder.sizes if path.startswith(f"{STATISTICS}/")}
    for path in sorted(there - expected.keys()):
        findings.add(path, Rule.STATISTICS, "is no table of this schema version")


def check_card(folder: ReleaseFolder, manifest: Manifest, findings: Findings) -> None:
    """Checks that the card declares the release's configs, and that each finds files."""
    found = card_configs(folder.text(CARD) or "")
    expected = {config.name: [config.glob] for config in configs(manifest)}
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            text = f"config {name} has the files {found.get(name)}, not {expected.get(name)}"
            findings.add(CARD, Rule.CARD, text)
        for glob in found.get(name, []):
            if not any(fnmatchcase(path, glob) for path in folder.sizes):
                findings.add(CARD, Rule.CARD, f"config {name}: no file is named {glob}")


def check_croissant(
    folder: ReleaseFolder, listed: dict[str, str], shards: dict[str, Shard], findings: Findings
) -> None:
    """Checks that `croissant.json` lists the shards with the checksums of `SHA256SUMS`."""
    found = croissant_checksums(folder.text(CROISSANT) or "")
    if found is None:
        findings.add(CROISSANT, Rule.CROISSANT, "is not there, or not Croissant 1.0")
        return
    for path in sorted(found.keys() | shards.keys()):
        if found.get(path) != listed.get(path):
            findings.add(CROISSANT, Rule.CROISSANT, f"{path} has another checksum, or is not there")
