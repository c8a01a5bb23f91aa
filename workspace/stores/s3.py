"""A store under a prefix of an S3 bucket, through boto3. One PUT is one commit.

Credentials, region and endpoint come from boto3's own chain (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL_S3`, ...). The bucket must honour If-None-Match and If-Match on PUT, which locks
stand on; `alignbench doctor` checks it.

Some stores refuse these headers, or the checksums that boto3 sends, or ignore them. For them there
is a *basic* way (`ALIGNBENCH_S3_BASIC=1`): no checksums but MD5, and beside the condition, if the
store takes it, a look before the write and one after it. Where it does not, a rival that is paused
between its look and its write for longer than `_SETTLING_SECONDS` can slip through.
"""

import functools
import io
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING

import boto3
import botocore.session
import pyarrow as pa
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader

from alignbench.schemas.fence import Fence
from alignbench.workspace.errors import ObjectNotFoundError, StoreRefusedError
from alignbench.workspace.stores.ranges import Ranges
from alignbench.workspace.stores.s3_answers import basic_is_set, store_error, unreachable
from alignbench.workspace.stores.s3_lock import hold
from alignbench.workspace.stores.s3_reading import Content, read_content
from alignbench.workspace.stores.s3_upload import PART_BYTES, Target, upload
from alignbench.workspace.stores.store import ObjectInfo, checked_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=60
)
_BASIC_CONFIG = Config(
    request_checksum_calculation="when_required", response_checksum_validation="when_required"
)
_SETTLING_SECONDS = 1.0
"""How long after a write without a condition a rival's write is waited for."""

_NOT_FOUND = 404
_MISSING = {"NoSuchKey", "404", "NotFound"}
_CONFLICT = {"ConditionalRequestConflict", "409"}
"""Another request for the key is under way: S3 asks that this one be sent again."""
_TAKEN = {"PreconditionFailed", "412"} | _CONFLICT
_CONFLICTS = 5
_MARK = "alignbench-write"
"""Metadata of what is written on a condition: tells one write from all others."""


def _session() -> boto3.Session:
    """Returns a session of its own: boto3's shared one is not safe to use from several threads."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return boto3.Session(botocore_session=session)


@functools.cache
def _loader(data_path: str | None) -> Loader:
    """Returns what reads botocore's own files: so they are read once, and not by each session."""
    return create_loader(data_path)


class S3Store:
    """An object store under `s3://bucket/prefix`.

    Attributes:
        bucket: The bucket.
        prefix: What its keys begin with here.
        is_basic: Whether it is asked for no more than every S3 store knows.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        client: "S3Client | None" = None,
        is_basic: bool | None = None,
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.is_basic = basic_is_set() if is_basic is None else is_basic
        self._client = client
        self._has_answered = False

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def client(self) -> "S3Client":
        """The boto3 client, made at first use and anew after unpickling."""
        if self._client is None:
            config = _CONFIG.merge(_BASIC_CONFIG) if self.is_basic else _CONFIG
            try:
                self._client = _session().client("s3", config=config)
            except ValueError:  # its text holds the address, which may hold a password
                raise unreachable(self.url, "AWS_ENDPOINT_URL_S3 is no address") from None
        return self._client

    def __reduce__(self) -> "tuple[type[S3Store], tuple[str, str, None, bool]]":
        return S3Store, (self.bucket, self.prefix, None, self.is_basic)

    def below(self, prefix: str) -> "S3Store":
        """Returns the store of a prefix, which shares this one's client."""
        return S3Store(self.bucket, self._name(prefix), self.client, self.is_basic)

    def read(self, key: str) -> bytes:
        """Returns an object's bytes; a body that breaks off is read on from there."""
        return self.content(key).data

    def open(self, key: str) -> pa.NativeFile:
        """Opens an object for random access; it is read whole, since parts are bounded in size.

        So a part that is deleted while it is scanned can be read to its end.
        """
        return pa.BufferReader(self.read(key))

    def open_ranges(self, key: str) -> pa.NativeFile:
        """Opens an object for random access; each read is one GET of a range."""
        with self._errors(key):
            head = self._head(key)

        def fetch(start: int, end: int) -> bytes:
            with self._errors(key):
                return read_content(self.client, self.bucket, self._name(key), start, end).data

        return pa.PythonFile(Ranges(head["ContentLength"], fetch), mode="r")

    def write(self, key: str, data: bytes) -> None:
        """Writes an object whole, replacing what was there."""
        with self._errors(key):
            self.client.put_object(Bucket=self.bucket, Key=self._name(key), Body=data)

    def create(self, key: str, data: bytes) -> bool:
        """Writes an object only if the key is free; a write whose answer was lost counts."""
        if self.is_basic:
            # What is created has its name from its content, or a lock around it: a look is enough.
            if self.exists(key):
                return False
            self.write(key, data)
            return True
        return self.put_if(key, data, etag=None) is not None

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        """Writes an object if it still has that ETag, or with None if it does not exist.

        Returns:
            The new ETag, or None if the condition did not hold and nothing was written.
        """
        put = self._put_and_look if self.is_basic else self._put_on_condition
        return put(key, data, etag)

    def _put_on_condition(self, key: str, data: bytes, etag: str | None) -> str | None:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        mark = uuid.uuid4().hex
        for attempt in range(1, _CONFLICTS + 1):
            try:
                with self._errors(key):
                    answer = self.client.put_object(
                        Bucket=self.bucket,
                        Key=self._name(key),
                        Body=data,
                        Metadata={_MARK: mark},
                        **condition,  # type: ignore[arg-type]
                    )
            except ClientError as error:
                written = self._written_as(key, mark)
                if written is not None:
                    return written
                if error.response["Error"]["Code"] not in _CONFLICT or attempt == _CONFLICTS:
                    return None
            except ObjectNotFoundError:  # If-Match on an object that is gone
                return None
            else:
                return answer["ETag"]
        return None

    def _written_as(self, key: str, mark: str) -> str | None:
        """Returns the ETag of an object if it was written under a mark; else None.

        A PUT whose answer was lost is sent again, by boto3 or a gateway, and then refused because
        the first one went through.
        """
        try:
            with self._errors(key):
                head = self._head(key)
        except ObjectNotFoundError:
            return None
        return head["ETag"] if head["Metadata"].get(_MARK) == mark else None

    def _put_and_look(self, key: str, data: bytes, etag: str | None) -> str | None:
        """Does what `put_if` does for a store that may not know conditions: the last rival wins."""
        if self._etag(key) != etag:
            return None
        try:
            if self._put_on_condition(key, data, etag) is None:
                return None
        except StoreRefusedError:
            self.write(key, data)
        time.sleep(_SETTLING_SECONDS)
        try:
            found = self.content(key)
        except ObjectNotFoundError:
            return None
        return found.etag if found.data == data else None

    def _etag(self, key: str) -> str | None:
        try:
            with self._errors(key):
                return self._head(key)["ETag"]
        except ObjectNotFoundError:
            return None

    def _head(self, key: str) -> "HeadObjectOutputTypeDef":
        """Returns what the store says of an object.

        A refused HEAD has a status and no words: an expired token looks like a header that the
        store does not know, a missing bucket like a missing object. So what is not plain is asked
        again by a GET of one byte.
        """
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=self._name(key))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == _NOT_FOUND and self._has_answered:
                raise
            raise self._in_words(error, key) from None
        self._has_answered = True
        return head

    def _in_words(self, error: ClientError, key: str) -> ClientError:
        try:
            self.client.get_object(Bucket=self.bucket, Key=self._name(key), Range="bytes=0-0")
        except ClientError as worded:
            code = worded.response["Error"]["Code"]
            self._has_answered |= code == "NoSuchKey"
            return error if code == "InvalidRange" else worded
        return error

    def content(self, key: str) -> Content:
        """Returns an object's bytes, its ETag and its age."""
        with self._errors(key):
            return read_content(self.client, self.bucket, self._name(key))

    def put_file(self, key: str, source: IO[bytes], sha256: str) -> bool:
        """Writes a file as an object in checked parts, unless it is there already.

        What an earlier run had sent of it is not sent again (`workspace.stores.s3_upload`).
        """
        size = source.seek(0, io.SEEK_END)
        with self._errors(key):
            target = Target(self.client, self.bucket, self._name(key))
            return upload(target, source, size, sha256, PART_BYTES)

    def exists(self, key: str) -> bool:
        """Tells whether the object is there."""
        return self._etag(key) is not None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields the objects under `prefix/`, in order of their keys."""
        start = len(self.prefix) + 1 if self.prefix else 0
        with self._errors(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._name(prefix) + "/"
            )
            for page in pages:
                for item in page.get("Contents", []):
                    yield ObjectInfo(item["Key"][start:], item["Size"])

    def delete(self, key: str) -> None:
        """Deletes an object; one that is not there is no error."""
        with self._errors(key):
            self.client.delete_object(Bucket=self.bucket, Key=self._name(key))

    def lock(self, name: str, guarded: str = "") -> AbstractContextManager[Fence]:  # noqa: ARG002 - S3 has no temporary files
        """Holds `locks/<name>.json`, renewed by a heartbeat while the context is open."""
        return hold(self, f"locks/{name}.json")

    def _name(self, key: str) -> str:
        return f"{self.prefix}/{checked_key(key)}".lstrip("/")

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise ObjectNotFoundError(
                    f"{key} is not in {self.url}.",
                    "Check the path, or run the stage that makes it.",
                ) from None
            if code in _TAKEN:
                raise
            raise store_error(self.url, error, is_basic=self.is_basic) from None
        except BotoCoreError as error:
            raise unreachable(self.url, type(error).__name__) from None
