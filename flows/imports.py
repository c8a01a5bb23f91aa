"""import: a set that others annotated becomes a release.

What comes in: the files of a published set, and its images if there are any: a folder, or the URLs
that the set gives. What is done: the set's importer reads captions, judged sentences and wrong
words, and proves their places. Of data of one's own the user says who made it. What goes out: a
verified release, with a report that names all that could not be placed.
"""

from collections.abc import Sequence
from pathlib import Path

from alignbench.flows.intake.imported_images import (
    FetchedImages,
    FolderImages,
    NoImages,
    stored_images,
)
from alignbench.release.importing.build import (
    Images,
    ImportedRelease,
    import_release,
    no_sentence,
    target_of,
)
from alignbench.release.importing.terms import terms_of
from alignbench.release.publishing.place import held_place
from alignbench.release.publishing.stage import staging_folder
from alignbench.schemas.importing import Importer, ImportNotes, OwnTerms
from alignbench.schemas.registry import Group, find
from alignbench.workspace.stores.local import LocalStore


def import_set(
    kind: str,
    files: Sequence[Path],
    to: str,
    images: FolderImages | FetchedImages | NoImages = NoImages(),  # noqa: B008 - immutable
    mapping: Path | None = None,
    own: OwnTerms = OwnTerms(),  # noqa: B008 - immutable
    *,
    figures: bool = False,
) -> ImportedRelease:
    """Makes a release of a published set's files.

    Args:
        kind: The importer's name.
        files: The set's files.
        to: Where the release goes: `…/NAME/VERSION`, a folder or `s3://bucket/prefix`.
        images: Where images come from.
        mapping: A table by which labels become ours, in place of the importer's.
        own: What is said of a set of one's own.
        figures: Whether the statistics are drawn too.

    Raises:
        UnknownNameError: There is no such importer.
        ImportFileError: A file cannot be read, or is of another kind.
        ReleaseExistsError: There is something else at `to`.
        UsageError: `own` was given for a set that others published.
        LockHeldError: Another run is writing there.
    """
    target = target_of(to)
    importer: Importer = find(Group.IMPORTERS, kind)(mapping)
    terms = terms_of(kind, importer.published, own, target.name)
    notes = ImportNotes()
    captions = list(importer.captions(files, notes))
    if not captions:  # said before anything is written beside the release's place
        raise no_sentence(files, notes)
    with (
        held_place(target.store, target.step),  # before images are fetched, which may take hours
        staging_folder(f"{target.address} images") as scratch,
    ):
        store = LocalStore(scratch)
        held = stored_images((caption.image for caption in captions), images, store, notes)
        return import_release(
            kind,
            importer,
            terms,
            files,
            iter(captions),
            notes,
            Images(held, store.read),
            target,
            figures=figures,
        )
