"""Do `release.json`, `statistics/`, the card and `croissant.json` say what the rows say?"""

import csv
import io
import json
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import NamedTuple, Self

from pydantic import ValidationError

from alignbench.release.agreement.tables import BOUNDS
from alignbench.release.columns.cells import same_csv, to_csv
from alignbench.release.counting.counts import model_counts, split_counts
from alignbench.release.counting.figures import drawn_from, figure_paths
from alignbench.release.counting.statistics import Statistics
from alignbench.release.counting.tables import SPAN_TABLE, Tables, table_path
from alignbench.release.documents.card import card_configs, card_facts
from alignbench.release.documents.croissant import (
    croissant_checksums,
    croissant_document,
    render_croissant,
)
from alignbench.release.documents.texts import templates_id, terms_texts
from alignbench.release.verify.report import Findings, Rule
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import CARD, CROISSANT, MANIFEST, STATISTICS, Shard
from alignbench.release_format.manifest import ImageCounts, Manifest, ModelCounts, SplitCounts
from alignbench.schemas.ids import sha256_hex


class Counted(NamedTuple):
    """What the rows of a release come to."""

    sentences: int
    votes: int
    adjudications: int
    annotators: int
    images: ImageCounts
    by_model: dict[str, ModelCounts]
    by_split: dict[str, SplitCounts]

    @classmethod
    def of(cls, statistics: Statistics, images: ImageCounts, annotators: int) -> Self:
        """Returns the counts over all rows."""
        by_model, by_split = model_counts(statistics), split_counts(statistics)
        return cls(
            sentences=sum(part.sentences for part in by_split.values()),
            votes=sum(part.votes for part in by_split.values()),
            adjudications=sum(part.adjudications for part in by_split.values()),
            annotators=annotators,
            images=images,
            by_model=by_model,
            by_split=by_split,
        )


def check_manifest(folder: ReleaseFolder, counted: Counted, findings: Findings) -> Manifest | None:
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
    for split in sorted(counted.by_split.keys() - manifest.splits.shares.keys()):
        findings.add(MANIFEST, Rule.MANIFEST, f"does not name the split {split}")
    return manifest


def check_statistics(
    folder: ReleaseFolder, tables: Tables, findings: Findings, *, with_intervals: bool
) -> None:
    """Checks the tables against what the rows come to.

    Args:
        folder: The release.
        tables: What the rows come to.
        findings: Takes what differs.
        with_intervals: Whether intervals are compared: an older version computed others.
    """
    expected = {table_path(name): to_csv(rows) for name, rows in tables.items()}
    for path, text in expected.items():
        found = folder.text(path)
        ignored = () if with_intervals else BOUNDS
        if found is None or not same_csv(found, text, ignored):
            findings.add(path, Rule.STATISTICS, "is not what the rows come to")
    there = {path for path in folder.sizes if path.startswith(f"{STATISTICS}/")}
    known = {*expected, *figure_paths(), table_path(SPAN_TABLE)}
    for path in sorted(there - known):
        findings.add(path, Rule.STATISTICS, "is no table of this schema version")


def check_figures(folder: ReleaseFolder, manifest: Manifest, findings: Findings) -> None:
    """Checks that the figures are there if the release has any, and are drawn from its tables."""
    for path, table in figure_paths().items():
        if (path in folder.sizes) != manifest.figures:
            findings.add(path, Rule.FIGURES, "is not there" if manifest.figures else "is there")
        elif manifest.figures:
            text = folder.text(table_path(table)) or ""
            if drawn_from(folder.bytes(path)) != sha256_hex(text.encode()):
                findings.add(path, Rule.FIGURES, f"is not drawn from {table_path(table)}")


def check_card(folder: ReleaseFolder, expected: str, findings: Findings, *, whole: bool) -> None:
    """Checks that the card says what the rows and files of the release come to.

    Args:
        folder: The release.
        expected: The card as this version writes it.
        findings: Takes what differs.
        whole: Whether it must be that text; else only what it says of licence, files and sizes.
    """
    text = folder.text(CARD) or ""
    found, wanted = (card_lines(t, whole=whole) for t in (text, expected))
    for number, (here, there) in enumerate(zip_longest(found, wanted, fillvalue="")):
        if here != there:
            place = f"line {number + 1} is" if whole else "says"
            findings.add(CARD, Rule.CARD, f"{place} {here!r}, the release makes it {there!r}")
    for name, globs in card_configs(text).items():
        for glob in globs:
            if not any(fnmatchcase(path, glob) for path in folder.sizes):
                findings.add(CARD, Rule.CARD, f"config {name}: no file is named {glob}")


def card_lines(text: str, *, whole: bool) -> list[str]:
    """Returns the lines of a card that are compared."""
    return text.splitlines() if whole else card_facts(text)


def check_terms(folder: ReleaseFolder, manifest: Manifest, findings: Findings) -> None:
    """Checks that `LICENSE` and `CITATION.cff` say what `release.json` says."""
    for path, expected in terms_texts(manifest).items():
        found = folder.text(path)
        if found is None:
            if manifest.texts is not None:
                findings.add(path, Rule.TERMS, "is not there, or not UTF-8")
        elif manifest.texts == templates_id() and found != expected:
            findings.add(path, Rule.TERMS, "is not what release.json makes it")


def check_croissant(
    folder: ReleaseFolder,
    listed: dict[str, str],
    shards: dict[str, Shard],
    manifest: Manifest | None,
    findings: Findings,
) -> None:
    """Checks that `croissant.json` describes the release, its shards with their checksums."""
    text = folder.text(CROISSANT) or ""
    found = croissant_checksums(text)
    document = croissant_document(text)
    if found is None or document is None:
        findings.add(CROISSANT, Rule.CROISSANT, "is not there, or not Croissant 1.0")
        return
    for path in sorted(found.keys() | shards.keys()):
        if found.get(path) != listed.get(path):
            findings.add(CROISSANT, Rule.CROISSANT, f"{path} has another checksum, or is not there")
    if manifest is None:
        return
    sums = {path: listed[path] for path in shards if path in listed}
    expected = json.loads(render_croissant(manifest, sums))
    whole = manifest.texts is not None
    names = sorted(expected.keys() | document.keys()) if whole else ("name", "version")
    for name in names:
        if document.get(name) != expected.get(name):
            findings.add(CROISSANT, Rule.CROISSANT, f"{name} is not what the release makes it")


def tables_as_written(folder: ReleaseFolder, tables: Tables) -> Tables:
    """Returns the tables with the figures that the release has, which may be rounded otherwise.

    What differs by more than the last digit is reported by `check_statistics`.
    """
    found = dict(tables)
    for name, rows in tables.items():
        text = folder.text(table_path(name))
        if text is not None and same_csv(text, to_csv(rows)):
            written = csv.reader(io.StringIO(text))
            found[name] = [
                tuple(
                    float(there) if isinstance(here, float) else here
                    for here, there in zip(row, cells, strict=True)
                )
                for row, cells in zip(rows, written, strict=True)
            ]
    return found
