"""Publishing a finished release to S3, under `<prefix>/<name>/<version>/`.

The release goes first, and `<prefix>/<name>/latest.json`, which says which version is the newest,
last: a reader who follows it always finds a whole release. The newest is what was published last
for the first time: the file also lists the versions that were the newest before, so that one of
them can be published again, to see that it is whole, and the newest stays.
"""

import json
from typing import Any, NamedTuple

from alignbench.release.publishing.place import held_place
from alignbench.release.publishing.publish import publish
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import LATEST
from alignbench.release_format.manifest import finished_manifest
from alignbench.release_format.question_manifest import finished_question_manifest, is_of_questions
from alignbench.release_format.terms import Terms
from alignbench.schemas.errors import UsageError
from alignbench.schemas.fence import current_fence
from alignbench.schemas.names import is_name
from alignbench.workspace.errors import ObjectNotFoundError
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import open_store


class UploadReport(NamedTuple):
    """What `upload_release` did.

    Attributes:
        address: Where the release is.
        sent: Files that were sent.
        there: Files that were there already.
        sent_bytes: Size of the former.
    """

    address: str
    sent: int
    there: int
    sent_bytes: int


def upload_release(address: str, target: str) -> UploadReport:
    """Publishes a release, and makes it the latest of its name there.

    Args:
        address: The release's folder, or its `s3://bucket/prefix`.
        target: Where releases go: `s3://bucket/prefix`.

    Raises:
        UsageError: The target is not on S3.
        NotAReleaseError: There is no finished release at the address.
        ReleaseExistsError: Another release has that name and version there.
        LockHeldError: Another run is publishing that name and version there.
        StoreUnreachableError: The bucket cannot be used.
    """
    store = _bucket_store(target)
    release = open_release(address)
    manifest: Terms = (
        finished_question_manifest(release)
        if is_of_questions(release)
        else finished_manifest(release)
    )
    prefix = f"{manifest.name}/{manifest.version}"
    with held_place(store, prefix):
        published = publish(store, prefix, release)
        _make_newest(store, manifest, release.checksum)
    return UploadReport(f"{store.url}/{prefix}", *published)


def _make_newest(store: ObjectStore, manifest: Terms, checksum: str | None) -> None:
    """Names a version as the newest, unless it was that before."""
    key = f"{manifest.name}/{LATEST}"
    before = _pointer(store, key)
    newest, earlier = before.get("version"), before.get("earlier", [])
    if manifest.version == newest or manifest.version in earlier:
        return
    pointer = {
        "version": manifest.version,
        "sha256": checksum,
        "earlier": [*earlier, newest] if newest else [],
    }
    current_fence()()
    store.write(key, json.dumps(pointer, indent=1).encode() + b"\n")


def _pointer(store: ObjectStore, key: str) -> dict[str, Any]:
    """Returns what is there; nothing of a file that does not say what such a file says."""
    try:
        found = json.loads(store.read(key))
    except (ObjectNotFoundError, ValueError, RecursionError):
        return {}
    is_pointer = (
        isinstance(found, dict)
        and is_name(found.get("version"))
        and isinstance(found.get("earlier", []), list)
    )
    return found if is_pointer else {}


def _bucket_store(target: str) -> ObjectStore:
    if not target.startswith("s3://") or not target.removeprefix("s3://").partition("/")[0]:
        raise UsageError(
            f"{target} is not on S3.", "Give --to an s3://bucket/prefix; a folder is just copied."
        )
    return open_store(target)
