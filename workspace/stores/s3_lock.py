"""A lock on S3: one object, made with If-None-Match, renewed and taken over with If-Match.

The object holds its owner and its life. The owner renews it three times per life; a lock that ran
out may be taken over by anyone, and the If-Match lets only one of them. Whether it ran out is told
by the store's clock alone, which says when it was written and what time it is now: the clocks of
two machines differ, and each may be set while a run goes on. An owner that was
paused for longer than the life finds at its next renewal, or at the end, that the lock is gone, and
its context ends with an error. For rows that is enough, because commits are idempotent: a lock
saves work, it does not guard correctness. What cannot be taken back, such as a paid call, asks the
lock's fence first. The fence goes by a local deadline, since a GET for each call would cost too
much: until then nobody can have taken the lock over, and after it the lock is renewed first.

A PUT whose answer was lost is sent again by boto3, and then fails because the first one went
through. So a condition that did not hold means nothing yet: the object says whose the lock is, and
who let it go before.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from alignbench.schemas.fence import Fence
from alignbench.workspace.errors import (
    LockHeldError,
    LockLostError,
    ObjectNotFoundError,
    StoreUnreachableError,
)

if TYPE_CHECKING:
    from alignbench.workspace.stores.s3_reading import Content

LIFE_SECONDS = 60.0

SAFE_SHARE = 0.8
"""Of a life; the rest is for the way to the store, and for whole seconds."""


@runtime_checkable
class ConditionalStore(Protocol):
    """The part of the S3 store that a lock needs."""

    @property
    def url(self) -> str: ...  # noqa: D102
    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None: ...  # noqa: D102
    def content(self, key: str) -> "Content": ...  # noqa: D102


@contextmanager
def hold(store: ConditionalStore, key: str, life_seconds: float = LIFE_SECONDS) -> Iterator[Fence]:
    """Holds the lock object while the context is open.

    Yields:
        The lock's fence: it raises `LockLostError` once someone may have taken the lock over.

    Raises:
        LockHeldError: Someone else holds it and it has not run out.
        LockLostError: On leaving, if someone took it over meanwhile.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    asked = boot_seconds()
    etag = _acquire(store, key, owner, life_seconds)
    heartbeat = _Heartbeat(store, key, owner, life_seconds, etag, asked)
    heartbeat.start()
    try:
        yield heartbeat.check
    except BaseException:
        with suppress(StoreUnreachableError):  # then it runs out; the first error is what counts
            heartbeat.release()
        raise
    if not heartbeat.release():
        raise _lost(store, key)


def _lost(store: ConditionalStore, key: str) -> LockLostError:
    return LockLostError(
        f"The lock {key} of {store.url} was taken over while this run held it.",
        "Nothing is lost: run the same command again once the other run has ended.",
    )


def boot_seconds() -> float:
    """Returns seconds by a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _acquire(store: ConditionalStore, key: str, owner: str, life_seconds: float) -> str:
    while True:
        fresh = store.put_if(key, _content(owner, life_seconds), etag=None)
        if fresh is not None:
            return fresh
        try:
            content = store.content(key)
        except ObjectNotFoundError:  # someone deleted the object: it is free
            continue
        held = _Held.parse(content.data)
        if held.owner == owner:
            return content.etag
        if held.life_seconds and content.age_seconds < held.life_seconds + _ROUNDED_SECONDS:
            raise _refused(store, key, held.owner, held.expires.isoformat(timespec="seconds"))
        let_go_by = None if held.life_seconds else held.owner
        taken = _put_own(store, key, owner, life_seconds, content.etag, let_go_by)
        if taken is None:
            raise _refused(store, key, "another run that was faster", "now")
        return taken


def _put_own(
    store: ConditionalStore,
    key: str,
    owner: str,
    life_seconds: float,
    etag: str,
    let_go_by: str | None = None,
) -> str | None:
    """Takes over, renews or lets go a lock; returns its ETag, or None if it was taken away."""
    written = store.put_if(key, _content(owner, life_seconds, let_go_by), etag)
    if written is not None:
        return written
    try:
        content = store.content(key)
    except ObjectNotFoundError:
        return None
    held = _Held.parse(content.data)
    return content.etag if owner in (held.owner, held.let_go_by) else None


def _refused(store: ConditionalStore, key: str, owner: str, expires: str) -> LockHeldError:
    return LockHeldError(
        f"Another run holds the lock {key} of {store.url} ({owner}, until {expires}).",
        "Wait for it to end, or stop it; a lock that is not renewed runs out by itself.",
    )


_ROUNDED_SECONDS = 1.0
"""By so much the age of an object may seem more than it is: HTTP knows whole seconds."""

_RUN_OUT = datetime.fromtimestamp(0, UTC)
"""When a lock that was let go has run out: long ago by every machine's clock."""


def _content(owner: str, life_seconds: float, let_go_by: str | None = None) -> bytes:
    expires = datetime.now(UTC) + timedelta(seconds=life_seconds) if life_seconds else _RUN_OUT
    content = {
        "owner": owner,
        "life_seconds": life_seconds,
        "expires": expires.isoformat(),  # for people, by its owner's clock
        "let_go_by": let_go_by,
    }
    return json.dumps(content).encode()


class _Held(NamedTuple):
    owner: str
    life_seconds: float
    expires: datetime
    let_go_by: str | None = None

    @classmethod
    def parse(cls, data: bytes) -> "_Held":
        """Reads a lock object; one that is none of ours has run out.

        A workspace that was copied from a folder brings that folder's lock files, and no one
        renews those.
        """
        try:
            content = json.loads(data)
            expires = datetime.fromisoformat(content["expires"])
            life = float(content.get("life_seconds", LIFE_SECONDS))
            return cls(content["owner"], life, expires, content.get("let_go_by"))
        except (ValueError, TypeError, KeyError):
            return cls("", 0.0, _RUN_OUT)


class _Heartbeat(threading.Thread):
    """Renews a lock until it is stopped or the lock is lost."""

    def __init__(
        self,
        store: ConditionalStore,
        key: str,
        owner: str,
        life_seconds: float,
        etag: str,
        renewed_at: float,
    ) -> None:
        super().__init__(name=f"lock {key}", daemon=True)
        self._store, self._key, self._owner, self._life = store, key, owner, life_seconds
        self._etag: str | None = etag
        self._renewed_at = renewed_at
        self._renewing = threading.Lock()
        self._stopped = threading.Event()

    def run(self) -> None:
        while self._etag is not None and not self._stopped.wait(self._life / 3):
            # A store that is away for a moment may be back before the lock has run out.
            with suppress(StoreUnreachableError):
                self._renew()

    def check(self) -> None:
        """Does nothing while the lock is certainly held; renews it where that is in doubt.

        Raises:
            LockLostError: Someone else has taken it over.
            StoreUnreachableError: It may have been; the store cannot be asked.
        """
        if not self._is_fresh():
            with self._renewing:
                if not self._is_fresh():
                    self._put(self._life)
        if self._etag is None:
            raise _lost(self._store, self._key)

    def release(self) -> bool:
        """Stops renewing, and lets the lock run out now; the next owner takes it over by If-Match.

        Returns:
            Whether the lock was still held.
        """
        self._stopped.set()
        self.join()
        with self._renewing:
            self._put(0.0)
        return self._etag is not None

    def _is_fresh(self) -> bool:
        return boot_seconds() < self._renewed_at + self._life * SAFE_SHARE

    def _renew(self) -> None:
        with self._renewing:
            self._put(self._life)

    def _put(self, life_seconds: float) -> None:
        """Renews the lock; notes that it is lost if it is someone else's now."""
        if self._etag is None:
            return
        asked = boot_seconds()
        self._etag = _put_own(self._store, self._key, self._owner, life_seconds, self._etag)
        self._renewed_at = asked
