"""Reading objects of S3 whose bodies may break off: what has come is kept, the rest asked for.

boto3 repeats a request that fails, but not one whose answer ends too early: the body is read after
it has returned.
"""

import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    FlexibleChecksumError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

TRIES: Final = 6
"""A body that breaks off so often without a byte more is given up."""

_PIECE: Final = 1 << 16
"""Bytes that a break may cost: those of a piece that had not come whole."""

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0

_BROKEN_OFF: Final = (
    ResponseStreamingError,
    IncompleteReadError,
    ReadTimeoutError,
    ConnectionClosedError,
)
_REPLACED: Final = {"PreconditionFailed", "412"}


class Content(NamedTuple):
    """What an object, or a range of it, holds.

    Attributes:
        data: Its bytes.
        etag: Its ETag.
        age_seconds: How long ago it was written, by the store's clock, to a second; this machine's
            may be wrong, or be set meanwhile.
    """

    data: bytes
    etag: str
    age_seconds: float


def read_content(
    client: "S3Client", bucket: str, name: str, start: int = 0, end: int | None = None
) -> Content:
    """Returns an object's bytes from `start` on, up to `end` or to its own end.

    Raises:
        ClientError: The store refuses it.
        BotoCoreError: It broke off again and again.
    """
    reading = _Reading(client, bucket, name, start, end)
    failures = 0
    while True:
        before = len(reading.data)
        try:
            return reading.go_on()
        except (*_BROKEN_OFF, FlexibleChecksumError) as error:
            failures = 1 if len(reading.data) > before else failures + 1
            if failures >= TRIES:
                raise
            if isinstance(error, FlexibleChecksumError):
                reading.begin_anew()
        bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**failures)
        time.sleep(random.uniform(0, bound))  # noqa: S311 - nothing depends on it


def _age(answer: "GetObjectOutputTypeDef") -> float:
    now = datetime.now(UTC)
    with suppress(ValueError):  # a store that does not say what time it is
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        now = parsedate_to_datetime(headers.get("date", "")).replace(tzinfo=UTC)
    return (now - answer["LastModified"]).total_seconds()


class _Reading:
    def __init__(
        self, client: "S3Client", bucket: str, name: str, start: int, end: int | None
    ) -> None:
        self._client = client
        self._place: dict[str, str] = {"Bucket": bucket, "Key": name}
        self._start, self._end = start, end
        self.data = bytearray()
        self._etag: str | None = None

    def begin_anew(self) -> None:
        """Forgets what has come."""
        self.data.clear()
        self._etag = None

    def go_on(self) -> Content:
        """Reads to the end; what came before a break is in `data`."""
        answer = self._ask()
        if self.data and "ContentRange" not in answer:
            self.data.clear()  # the store does not know ranges, and began at the beginning
        self._etag = answer["ETag"]
        while piece := answer["Body"].read(_PIECE):
            self.data += piece
        return Content(bytes(self.data), self._etag, _age(answer))

    def _ask(self) -> Any:
        try:
            return self._client.get_object(**self._place, **self._rest())  # type: ignore[arg-type]
        except ClientError as error:
            if self._etag is None or error.response["Error"]["Code"] not in _REPLACED:
                raise
            self.begin_anew()  # another object is there now
            return self._client.get_object(**self._place, **self._rest())  # type: ignore[arg-type]

    def _rest(self) -> dict[str, str]:
        start = self._start + len(self.data)
        asked: dict[str, str] = {}
        if start or self._end is not None:
            asked["Range"] = f"bytes={start}-" + ("" if self._end is None else str(self._end - 1))
        if self._etag is not None:
            asked["IfMatch"] = self._etag
        return asked
