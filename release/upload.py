"""Publishing a finished release to S3, under `<prefix>/<name>/<version>/`.

Files go first, `SHA256SUMS` after them, and `<prefix>/<name>/latest.json`, which says which version
is the newest, last: a reader who follows it always finds a whole release. A run that was stopped is
gone on with by the same command; what was sent is not sent again.
"""

import io
import json
from typing import Final, NamedTuple

from alignbench.release.errors import ReleaseExistsError
from alignbench.release_format.checksums import parse_checksums
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder, open_release
from alignbench.release_format.layout import CARD, CHECKSUMS, LATEST, MANIFEST
from alignbench.release_format.manifest import read_manifest
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.s3 import S3Store

_LATE: Final = (MANIFEST, CARD)


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
        StoreUnreachableError: The bucket cannot be used.
    """
    store = _store(target)
    folder = open_release(address)
    sums, manifest = folder.text(CHECKSUMS), read_manifest(folder)
    listed = parse_checksums(sums or "")
    if sums is None or manifest is None or listed is None:
        raise NotAReleaseError(
            f"{folder.address} is no finished release of this version.",
            "Name a release that 'alignbench verify' finds sound.",
        )
    prefix = f"{manifest.name}/{manifest.version}"
    _refuse_another(store, prefix, sums)
    sent = [path for path in _in_order(listed) if _send(store, prefix, folder, path, listed[path])]
    if not store.create(f"{prefix}/{CHECKSUMS}", sums.encode()):
        _refuse_another(store, prefix, sums)
    pointer = {"version": manifest.version, "sha256": sha256_hex(sums.encode())}
    store.write(f"{manifest.name}/{LATEST}", json.dumps(pointer, indent=1).encode() + b"\n")
    return UploadReport(
        address=f"{store.url}/{prefix}",
        sent=len(sent),
        there=len(listed) - len(sent),
        sent_bytes=sum(folder.sizes[path] for path in sent),
    )


def _store(target: str) -> S3Store:
    bucket, _, prefix = target.removeprefix("s3://").partition("/")
    if not target.startswith("s3://") or not bucket:
        raise UsageError(
            f"{target} is not on S3.", "Give --to an s3://bucket/prefix; a folder is just copied."
        )
    return S3Store(bucket, prefix)


def _refuse_another(store: S3Store, prefix: str, sums: str) -> None:
    """Raises if there is a finished release with other content."""
    key = f"{prefix}/{CHECKSUMS}"
    if store.exists(key) and store.read(key) != sums.encode():
        raise ReleaseExistsError(
            f"{store.url}/{prefix} is another release of that name and version.",
            "A release is never overwritten: choose another [release] version.",
        )


def _in_order(listed: dict[str, str]) -> list[str]:
    return [*sorted(path for path in listed if path not in _LATE), *_LATE]


def _send(store: S3Store, prefix: str, folder: ReleaseFolder, path: str, sha256: str) -> bool:
    if path not in folder.sizes:
        raise NotAReleaseError(
            f"{folder.address} has no {path}, which its SHA256SUMS lists.",
            "Run 'alignbench verify' on it, and release it anew.",
        )
    size = folder.sizes[path]
    if not size:
        return store.upload(f"{prefix}/{path}", io.BytesIO(), 0, sha256)
    with folder.open(path) as source:
        return store.upload(f"{prefix}/{path}", source, size, sha256)
