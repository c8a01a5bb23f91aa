"""Uploading a file to S3 in parts, so that a run that was stopped continues where it was.

Every part goes with its SHA-256, which S3 checks, or with its MD5 where boto3 is told to send no
checksums that are not required. The object keeps the SHA-256 of the whole file as metadata. An
upload that was not completed is found by its key; its parts count if all that are there are those
of this file, and otherwise it is dropped.
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final, Literal, NamedTuple, TypedDict

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES: Final = 64 << 20
_SHA256: Final = "sha256"
_NO_UPLOAD: Final = "NoSuchUpload"
_MISSING: Final = {"404", "NoSuchKey", "NotFound"}


class _Checks(TypedDict, total=False):
    ChecksumSHA256: str
    ContentMD5: str


class _Algorithm(TypedDict, total=False):
    ChecksumAlgorithm: Literal["SHA256"]


class Target(NamedTuple):
    """An object that is to be written."""

    client: "S3Client"
    bucket: str
    key: str


def upload(target: Target, source: IO[bytes], size: int, sha256: str, part_bytes: int) -> bool:
    """Writes a file as an object, unless it is there.

    Args:
        target: The object.
        source: The file, open for reading at any place.
        size: Its bytes.
        sha256: Its SHA-256, 64 hexadecimal digits.
        part_bytes: Most bytes of a part; S3 takes none below 5 MiB but the last.

    Returns:
        False if an object with that size and SHA-256 was there already.
    """
    if _is_there(target, size, sha256):
        return False
    if size <= part_bytes:
        source.seek(0)
        data = source.read(size)
        target.client.put_object(
            Bucket=target.bucket,
            Key=target.key,
            Body=data,
            Metadata={_SHA256: sha256},
            **_checks(target, data),
        )
        return True
    upload_id, done = _continued(target, source, part_bytes) or (_begun(target, sha256), {})
    for number, data in _parts(source, size, part_bytes):
        if number not in done:
            done[number] = _sent(target, upload_id, number, data)
    _complete(target, upload_id, [done[number] for number in sorted(done)], size, sha256)
    for leftover in _begun_uploads(target):  # of a call whose answer was lost
        _abort(target, leftover)
    return True


def _complete(
    target: Target, upload_id: str, parts: "list[CompletedPartTypeDef]", size: int, sha256: str
) -> None:
    """Makes an object of parts; sent again after a lost answer, it finds no upload any more."""
    try:
        target.client.complete_multipart_upload(
            Bucket=target.bucket,
            Key=target.key,
            UploadId=upload_id,
            MultipartUpload={"Parts": parts},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != _NO_UPLOAD or not _is_there(target, size, sha256):
            raise


def _is_there(target: Target, size: int, sha256: str) -> bool:
    try:
        found = target.client.head_object(Bucket=target.bucket, Key=target.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return False
        raise
    return found["ContentLength"] == size and found["Metadata"].get(_SHA256) == sha256


def _begun(target: Target, sha256: str) -> str:
    answer = target.client.create_multipart_upload(
        Bucket=target.bucket,
        Key=target.key,
        Metadata={_SHA256: sha256},
        **_algorithm(target),
    )
    return answer["UploadId"]


def _sent(target: Target, upload_id: str, number: int, data: bytes) -> "CompletedPartTypeDef":
    answer = target.client.upload_part(
        Bucket=target.bucket,
        Key=target.key,
        UploadId=upload_id,
        PartNumber=number,
        Body=data,
        **_checks(target, data),
    )
    return _completed(target, number, answer["ETag"], data)


def _continued(
    target: Target, source: IO[bytes], part_bytes: int
) -> "tuple[str, dict[int, CompletedPartTypeDef]] | None":
    """Returns an upload that was not completed, with its parts; drops those of another file."""
    kept = None
    for upload_id in _begun_uploads(target):
        parts = _same_parts(target, upload_id, source, part_bytes) if kept is None else None
        if parts:
            kept = upload_id, parts
        else:
            _abort(target, upload_id)
    return kept


def _begun_uploads(target: Target) -> list[str]:
    """Returns the uploads to a key that were begun and not completed."""
    pages = target.client.get_paginator("list_multipart_uploads").paginate(
        Bucket=target.bucket, Prefix=target.key
    )
    known = (upload for page in pages for upload in page.get("Uploads", []))
    return [upload["UploadId"] for upload in known if upload["Key"] == target.key]


def _abort(target: Target, upload_id: str) -> None:
    try:
        target.client.abort_multipart_upload(
            Bucket=target.bucket, Key=target.key, UploadId=upload_id
        )
    except ClientError as error:  # sent again after a lost answer, it finds none
        if error.response["Error"]["Code"] != _NO_UPLOAD:
            raise


def _same_parts(
    target: Target, upload_id: str, source: IO[bytes], part_bytes: int
) -> "dict[int, CompletedPartTypeDef] | None":
    """Returns the parts of an upload; None if one of them is not a part of this file."""
    found: dict[int, CompletedPartTypeDef] = {}
    pages = target.client.get_paginator("list_parts").paginate(
        Bucket=target.bucket, Key=target.key, UploadId=upload_id
    )
    for part in (part for page in pages for part in page.get("Parts", [])):
        source.seek((part["PartNumber"] - 1) * part_bytes)
        data = source.read(part_bytes)
        if len(data) != part["Size"]:
            return None
        checksum = _checksum(data)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        # A server that does not list checksums has the MD5 of a part as its ETag.
        if part.get("ChecksumSHA256", checksum) != checksum or (
            "ChecksumSHA256" not in part and part["ETag"].strip('"') != etag
        ):
            return None
        number = part["PartNumber"]
        found[number] = _completed(target, number, part["ETag"], data)
    return found


def _parts(source: IO[bytes], size: int, part_bytes: int) -> Iterator[tuple[int, bytes]]:
    for number, start in enumerate(range(0, size, part_bytes), start=1):
        source.seek(start)
        yield number, source.read(min(part_bytes, size - start))


def _takes_sha256(target: Target) -> bool:
    """Tells whether boto3 may send checksums that the store does not require."""
    config = target.client.meta.config
    return bool(config.request_checksum_calculation != "when_required")  # type: ignore[attr-defined]


def _algorithm(target: Target) -> _Algorithm:
    return {"ChecksumAlgorithm": "SHA256"} if _takes_sha256(target) else {}


def _checks(target: Target, data: bytes) -> _Checks:
    """Returns the arguments by which the store checks what arrives."""
    if _takes_sha256(target):
        return {"ChecksumSHA256": _checksum(data)}
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"ContentMD5": base64.b64encode(digest).decode()}


def _completed(target: Target, number: int, etag: str, data: bytes) -> "CompletedPartTypeDef":
    if _takes_sha256(target):
        return {"PartNumber": number, "ETag": etag, "ChecksumSHA256": _checksum(data)}
    return {"PartNumber": number, "ETag": etag}


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
