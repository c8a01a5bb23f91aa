"""A release: labelled sentences as a dataset folder that is complete, verified, and never changes.

The folder is built on local disk, checked with `release.verify`, and then copied into the store.
The same input gives the same bytes: nothing in it tells when or where it was made, and rows and
files have one order.
"""

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pydantic import ValidationError

from alignbench.release.agreement.intervals import JACKKNIFE
from alignbench.release.documents.texts import templates_id
from alignbench.release.errors import NoLabelsError
from alignbench.release.labels.sets import label_sets
from alignbench.release.names import check_names
from alignbench.release.publishing.place import held_place
from alignbench.release.publishing.publish import already_there, publish, remove_leftovers
from alignbench.release.publishing.stage import staging_folder
from alignbench.release.publishing.writing import Contents, refuse_unless_sound, write_release
from alignbench.release.rows.image_choice import ImageChoice
from alignbench.release.rows.labelled import check_current, image_links, label_buckets, labelled
from alignbench.release.rows.rows import ReleaseRows
from alignbench.release.splits.older import older_release
from alignbench.release.splits.splits import Sides, deal
from alignbench.release.verify.verify import verify
from alignbench.release.votes.pseudonyms import pseudonyms
from alignbench.release.votes.rounds import RoundRecords
from alignbench.release.votes.votes import Votes
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS, MANIFEST, release_folder
from alignbench.release_format.manifest import (
    Counts,
    LabelSetRecord,
    Manifest,
    ReleaseRecord,
    RoundRecord,
    SelectionRecord,
    SplitRecord,
)
from alignbench.schemas.configuration.release_section import ReleaseConfig
from alignbench.schemas.fence import fenced
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.rows.labels import LabelSet
from alignbench.schemas.tables import IMAGES
from alignbench.workspace.selection import Selection
from alignbench.workspace.tables.buckets import Buckets
from alignbench.workspace.workspace import Workspace

_OF_ANSWERS = {"guideline_ids", "label_schema_ids"}
"""What `release.json` says of a round by its answers, which the label set stands for."""


class ReleaseReport(NamedTuple):
    """What `build_release` did.

    Attributes:
        address: Where the release is, for `verify` and for a reader.
        built: False if this release was there already, so that nothing was to be done.
        manifest: What is in it.
    """

    address: str
    built: bool
    manifest: Manifest


class _Plan(NamedTuple):
    """What is to be released, as far as it is known before anything is read."""

    prefix: str
    config: ReleaseConfig
    resolved: dict[str, Any]
    selection: Selection
    label_set: LabelSet
    after: ReleaseRecord | None
    old_sides: pa.Table | None


def build_release(
    workspace: Workspace,
    selection: Selection,
    config: ReleaseConfig,
    resolved: Mapping[str, Any] | None = None,
    after: str | None = None,
) -> ReleaseReport:
    """Writes `releases/<name>/<version>/` from the current label set, once.

    Args:
        workspace: What it is made from, and where it goes.
        selection: Generators and splitter whose sentences are released.
        config: Name, version and texts of the release.
        resolved: The whole configuration as JSON, kept in `release.json`; without secrets.
        after: Address of an older release whose images and prompts stay in their splits.

    Raises:
        NoLabelsError: There are no labels of the selected sentences.
        StaleLabelsError: Answers or the selection changed since the labels were made.
        ReleaseExistsError: That version is there already, made from something else.
        UnusableNameError: A model or a split cannot be named so in a release.
        NotAReleaseError: There is no release at `after`.
        SplitConflictError: It has a split that the configuration does not.
        MissingExtraError: Figures are wanted and Matplotlib is not installed, or spaCy is not.
        BrokenReferenceError: A sentence's pair, image or generator is gone.
        RefusedReleaseError: What was built does not pass `verify`.
        LockHeldError: Another release of this workspace is being built, or its place written.
    """
    store = workspace.store
    known = label_sets(workspace)
    if not known:
        raise NoLabelsError(f"There are no labels in {store.url}.", "Run 'alignbench label' first.")
    prefix = release_folder(config.name, config.version)
    record, old_sides = (None, None) if after is None else older_release(after)
    plan = _Plan(prefix, config, dict(resolved or {}), selection, known[-1], record, old_sides)
    with store.lock("releases") as fence, fenced(fence):
        if store.exists(f"{prefix}/{CHECKSUMS}"):
            _check_votes(workspace, plan)
            return _existing(workspace, plan)
        with (
            staging_folder(f"{store.url}/{prefix}") as stage,
            tempfile.TemporaryDirectory(dir=stage) as scratch,
        ):
            folder = stage / config.version
            folder.mkdir()
            manifest = _build(workspace, plan, folder, Path(scratch))
            refuse_unless_sound(verify(folder))
            finished = open_release(str(folder))
            with held_place(store, prefix):  # an import may go there too
                if not store.exists(f"{prefix}/{CHECKSUMS}"):
                    remove_leftovers(store, prefix, finished)
                publish(store, prefix, finished)
    return ReleaseReport(f"{store.url}/{prefix}", built=True, manifest=manifest)


def _votes(workspace: Workspace, plan: _Plan, folder: Path) -> Votes:
    """Returns the votes as the labels counted them."""
    options = LabelOptions.of_json(plan.label_set.options)
    return Votes(workspace, plan.selection, folder, options)


def _check_votes(workspace: Workspace, plan: _Plan) -> None:
    """Raises if votes came in since the labels were made: what is there is not up to date."""
    with tempfile.TemporaryDirectory(prefix="alignbench-release-") as folder:
        votes = _votes(workspace, plan, Path(folder))
        check_current(plan.label_set, votes.digest().sha256)


def _existing(workspace: Workspace, plan: _Plan) -> ReleaseReport:
    """Returns the report on a release that is there; raises if this one would be another."""
    store = workspace.store
    try:
        there = Manifest.model_validate_json(store.read(f"{plan.prefix}/{MANIFEST}"))
    except ValidationError:
        raise already_there(store, plan.prefix) from None
    rounds = {
        name: record.model_copy(update=there.rounds[name].model_dump(include=_OF_ANSWERS))
        for name, record in RoundRecords(workspace).of(there.rounds).items()
    }
    if there != _manifest(plan, rounds, there.counts).model_copy(
        update={"config": there.config, "texts": there.texts}
    ):
        raise already_there(store, plan.prefix)
    return ReleaseReport(f"{store.url}/{plan.prefix}", built=False, manifest=there)


def _build(workspace: Workspace, plan: _Plan, folder: Path, scratch: Path) -> Manifest:
    """Writes the whole release folder, `SHA256SUMS` last."""
    votes = _votes(workspace, plan, scratch)
    digest = votes.digest()
    check_current(plan.label_set, digest.sha256)
    labels = label_buckets(workspace, plan.label_set.label_set_id, scratch)
    config = plan.config
    sides = _sides(workspace, plan, votes, labels)
    names = pseudonyms(workspace.store, digest.first_answers)
    rounds = RoundRecords(workspace)
    found = labelled(votes, labels, names, rounds, scratch, sides.between)
    check_names(found.models, config.splits)
    choice = ImageChoice(config.images, config.images_by_source)
    method = plan.label_set.method
    rows = ReleaseRows(workspace, plan.selection, scratch, found.sentences, method, choice)
    contents = Contents(
        models=found.models,
        images_by_split=sides.by_split,
        rows=rows.of_model,
        read=workspace.store.read,
        votes=found.votes,
        annotators=len(found.annotators),
        agreement=found.agreement,
        stopping=found.stopping,
        left_out=found.left_out,
    )
    return write_release(folder, contents, partial(_manifest, plan, found.rounds))


def _sides(workspace: Workspace, plan: _Plan, votes: Votes, labels: Buckets) -> Sides:
    """Returns which split each image is in; where there is only one, nothing is dealt out."""
    config = plan.config
    if len(config.splits) == 1 and plan.old_sides is None:
        [only] = config.splits
        images = workspace.table(IMAGES).read(["image_id"])["image_id"].combine_chunks()
        return Sides({only: images}, images.slice(0, 0))
    links = image_links(workspace, votes, labels)
    return deal(links, config.splits, config.near_duplicates, plan.old_sides)


def _manifest(plan: _Plan, rounds: dict[str, RoundRecord], counts: Counts) -> Manifest:
    config, label_set = plan.config, plan.label_set
    return Manifest(
        intervals=JACKKNIFE,
        name=config.name,
        version=config.version,
        date=config.date,
        title=config.title or config.name,
        description=config.description,
        license=config.license,
        license_name=config.license_name,
        license_link=config.license_link,
        language=config.language,
        authors=config.authors,
        url=config.url,
        cite_as=config.cite_as,
        texts=templates_id(),
        splits=SplitRecord(
            shares=config.splits, near_duplicates=config.near_duplicates, after=plan.after
        ),
        figures=config.figures,
        selection=SelectionRecord(
            generator_ids=plan.selection.generator_ids, splitter_id=plan.selection.splitter_id
        ),
        label_set=LabelSetRecord.of(label_set),
        counts=counts,
        rounds=rounds,
        config=plan.resolved,
    )
