"""A release of a set that others annotated, written and verified as our own are."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from alignbench.release.agreement.by_unit import AgreementByUnit
from alignbench.release.agreement.intervals import JACKKNIFE
from alignbench.release.documents.licences import OTHER
from alignbench.release.documents.texts import templates_id
from alignbench.release.errors import ImportFileError, ReleaseExistsError
from alignbench.release.importing.rows import HeldImage, ImportedRows
from alignbench.release.importing.terms import ImportTerms
from alignbench.release.publishing.publish import publish
from alignbench.release.publishing.stage import staging_folder
from alignbench.release.publishing.writing import Contents, refuse_unless_sound, write_release
from alignbench.release.verify.verify import verify
from alignbench.release_format.checksums import checksum
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS, IMPORT_REPORT
from alignbench.release_format.manifest import (
    Counts,
    ImportedFile,
    ImportRecord,
    LabelSetRecord,
    LeftOut,
    Manifest,
    SelectionRecord,
    SplitRecord,
)
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import canonical_json, derive_id, text_sha256
from alignbench.schemas.importing import ImportedCaption, Importer, ImportNotes
from alignbench.schemas.names import is_name
from alignbench.schemas.paths import real_path
from alignbench.schemas.vocabulary import PUBLISHED_LABEL
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import open_store

SPLIT = "test"


class Target(NamedTuple):
    """Where a release goes, and what it is called.

    Attributes:
        store: One step above it.
        step: Its last step, a key of the store.
        name: Of the release.
        version: Of the release.
    """

    store: ObjectStore
    step: str
    name: str
    version: str

    @property
    def address(self) -> str:
        """Where the release is."""
        return f"{self.store.url}/{self.step}"


class ImportedRelease(NamedTuple):
    """What an import came to.

    Attributes:
        address: Where the release is.
        built: False if it was there already.
        manifest: What is in it.
        notes: What was counted and named on the way.
    """

    address: str
    built: bool
    manifest: Manifest
    notes: ImportNotes


class Images(NamedTuple):
    """The images of a set that are there.

    Attributes:
        held: By the id made of their locator.
        read: Returns the bytes of a stored one.
    """

    held: Mapping[str, HeldImage]
    read: Callable[[str], bytes]


def target_of(address: str) -> Target:
    """Returns where a release goes: `…/NAME/VERSION`, or `…/NAME` for version 1.0.0.

    Raises:
        UsageError: The address does not end in a name.
    """
    remote = address.startswith("s3://")
    whole = address.rstrip("/") if remote else str(real_path(address))
    parent, _, step = whole.rpartition("/")
    above = parent.rpartition("/")[2]
    is_version = step[:1].isdecimal() and is_name(above)
    name, version = (above, step) if is_version else (step, "1.0.0")
    if not is_name(name) or not is_name(version) or parent in ("s3:/", "s3:"):
        raise UsageError(
            f"{address} cannot be the place of a release.",
            "End it in NAME/VERSION, such as releases/hat/1.0.0: letters, digits, '.', '_', '-'.",
        )
    return Target(open_store(parent), step, name, version)


def import_release(
    kind: str,
    importer: Importer,
    terms: ImportTerms,
    files: Sequence[Path],
    captions: Iterator[ImportedCaption],
    notes: ImportNotes,
    images: Images,
    target: Target,
    *,
    figures: bool = False,
) -> ImportedRelease:
    """Writes a release of what an importer read, once.

    Args:
        kind: The importer's name.
        importer: The importer.
        terms: Who made the set, and under which licence.
        files: What it read.
        captions: What it found.
        notes: What it counted and named.
        images: The images that are there.
        target: Where the release goes; the caller holds that place.
        figures: Whether the statistics are drawn too.

    Raises:
        ImportFileError: The files hold no sentence.
        ReleaseExistsError: There is something else at the target.
        RefusedReleaseError: What was written does not pass `verify`.
    """
    rows = ImportedRows(kind, terms.license, captions, images.held, notes)
    if not rows.models:
        raise no_sentence(files, notes)
    record = _record(kind, importer, terms, files, notes)
    contents = Contents(
        models=rows.models,
        images_by_split={SPLIT: rows.images},
        rows=rows.of_model,
        read=images.read,
        votes=None,
        annotators=0,
        agreement=AgreementByUnit(),
        left_out=LeftOut(unanswered=0, below_minimum_votes=0, between_splits=0),
        texts={IMPORT_REPORT: _report(record, notes)},
    )

    def manifest_of(counts: Counts) -> Manifest:
        return _manifest(target, terms, record, counts, figures=figures)

    with staging_folder(target.address) as scratch:
        folder = scratch / "release" / target.step
        folder.mkdir(parents=True)
        manifest = write_release(folder, contents, manifest_of)
        refuse_unless_sound(verify(folder))
        finished = open_release(str(folder))
        _refuse_strangers(target, set(finished.sizes))
        built = not target.store.exists(f"{target.step}/{CHECKSUMS}")
        publish(target.store, target.step, finished)
    return ImportedRelease(target.address, built, manifest, notes)


def no_sentence(files: Sequence[Path], notes: ImportNotes) -> ImportFileError:
    """Returns the error of files that no sentence came of, with what became of their entries."""
    why = "; ".join(f"{why}: {number:,}" for why, number in notes.unplaced_counts.items())
    return ImportFileError(
        f"There is no sentence in {', '.join(path.name for path in files)}"
        f"{f' ({why})' if why else ''}.",
        "Give the file as its authors publish it, and the kind that it is of;"
        " docs/researchers.md says what each kind needs.",
    )


def _refuse_strangers(target: Target, ours: set[str]) -> None:
    """Raises if there are files at the target that are not of this release."""
    there = (info.key.removeprefix(f"{target.step}/") for info in target.store.list(target.step))
    for path in there:
        if path not in ours:
            raise ReleaseExistsError(
                f"{target.address} has other files already, such as {path}.",
                "A release is never overwritten: give --to another name or version.",
            )


def _record(
    kind: str, importer: Importer, terms: ImportTerms, files: Sequence[Path], notes: ImportNotes
) -> ImportRecord:
    read = []
    for path in files:
        with path.open("rb") as file:
            read.append(ImportedFile(name=path.name, sha256=checksum(file)))
    return ImportRecord(
        kind=kind,
        published_at=terms.url,
        license=terms.license,
        files=tuple(read),
        mapping=dict(importer.mapping),
        counts=dict(sorted(notes.counts.items())),
        unplaced=notes.unplaced_counts,
    )


def _report(record: ImportRecord, notes: ImportNotes) -> str:
    items = [asdict(item) for item in notes.unplaced]
    # Escaped, because what could not be placed may be no Unicode text.
    return json.dumps({**record.model_dump(mode="json"), "items": items}, indent=1) + "\n"


def _manifest(
    target: Target, terms: ImportTerms, record: ImportRecord, counts: Counts, *, figures: bool
) -> Manifest:
    read = canonical_json([[file.name, file.sha256] for file in record.files])
    return Manifest(
        intervals=JACKKNIFE,
        name=target.name,
        version=target.version,
        date=None,
        title=terms.title,
        description="",
        license=terms.license or OTHER,
        license_link=None if terms.license else terms.url,
        language=terms.language,
        authors=terms.authors,
        url=terms.url,
        texts=templates_id(),
        splits=SplitRecord(shares={SPLIT: 1.0}, near_duplicates=0),
        figures=figures,
        selection=SelectionRecord(generator_ids=(), splitter_id=None),
        label_set=LabelSetRecord(
            label_set_id=derive_id("import", record.kind, read, dict(record.mapping)),
            method=PUBLISHED_LABEL,
            options={},
            answers_sha256=text_sha256(read),
        ),
        counts=counts,
        imported=record,
        config={},
    )
