"""A release of questions as a folder that is complete, verified, and never changes.

It is built on local disk, checked, and then copied into the store. The same input gives the same
bytes: nothing in it tells when or where it was made, and rows and files have one order.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from alignbench.release.publishing.place import held_place
from alignbench.release.publishing.publish import already_there, publish, remove_leftovers
from alignbench.release.publishing.stage import staging_folder
from alignbench.release.publishing.writing import refuse_unless_sound
from alignbench.release.questions.contents import SelectedForRelease, question_contents
from alignbench.release.questions.verify import verify_questions
from alignbench.release.questions.writing import question_manifest, write_question_release
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS, MANIFEST, release_folder
from alignbench.release_format.question_manifest import QuestionManifest
from alignbench.schemas.configuration.question_sections import QuestionsConfig
from alignbench.schemas.fence import fenced
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import Workspace


class QuestionReleaseReport(NamedTuple):
    """What `build_question_release` did.

    Attributes:
        address: Where the release is.
        built: False if this release was there already, so that nothing was to be done.
        manifest: What is in it.
    """

    address: str
    built: bool
    manifest: QuestionManifest


def build_question_release(
    workspace: Workspace,
    selected: SelectedForRelease,
    config: QuestionsConfig,
    resolved: Mapping[str, Any],
) -> QuestionReleaseReport:
    """Writes `releases/<name>/<version>/` from the workspace's tables, once.

    Args:
        workspace: What it is made from, and where it goes.
        selected: Whose work is released.
        config: Name, version and texts of the release, and what the sets allow.
        resolved: The models and judges as they are configured, kept in `release.json`.

    Raises:
        NoQuestionsError: There is no question that may be released.
        ReleaseExistsError: That version is there already, made from something else.
        BrokenReferenceError: A model's row is gone.
        RefusedReleaseError: What was built does not pass `verify`.
        LockHeldError: Another release of this workspace is being built, or its place written.
    """
    store = workspace.store
    prefix = release_folder(config.release.name, config.release.version)
    with store.lock("releases") as fence, fenced(fence):
        contents = question_contents(workspace, selected, config)
        manifest = question_manifest(contents, config, resolved)
        if store.exists(f"{prefix}/{CHECKSUMS}"):
            return _existing(store, prefix, manifest)
        with staging_folder(f"{store.url}/{prefix}") as stage:
            folder = stage / config.release.version
            folder.mkdir()
            write_question_release(folder, contents, manifest, store.read)
            finished = open_release(str(folder))
            refuse_unless_sound(verify_questions(finished))
            with held_place(store, prefix):  # an import may go there too
                if not store.exists(f"{prefix}/{CHECKSUMS}"):
                    remove_leftovers(store, prefix, finished)
                publish(store, prefix, finished)
    return QuestionReleaseReport(f"{store.url}/{prefix}", built=True, manifest=manifest)


def _existing(store: ObjectStore, prefix: str, manifest: QuestionManifest) -> QuestionReleaseReport:
    """Returns the report on a release that is there; raises if this one would be another."""
    try:
        there = QuestionManifest.model_validate_json(store.read(f"{prefix}/{MANIFEST}"))
    except ValidationError:
        raise already_there(store, prefix) from None
    if there != manifest.model_copy(update={"config": there.config, "texts": there.texts}):
        raise already_there(store, prefix)
    return QuestionReleaseReport(f"{store.url}/{prefix}", built=False, manifest=there)
