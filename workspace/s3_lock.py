"""A lock on S3: one object, made with If-None-Match, renewed and taken over with If-Match.

The object holds its owner and when it runs out. The owner renews it three times per life; a lock
that ran out may be taken over by anyone, and the If-Match lets only one of them. An owner that was
paused for longer than the life finds at its next renewal, or at the end, that the lock is gone, and
its context ends with an error. That is enough here because commits are idempotent: a lock saves
work, it does not guard correctness.
"""

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from workspace.errors import (
    LockHeldError,
    LockLostError,
    ObjectNotFoundError,
    StoreUnreachableError,
)

LIFE_SECONDS = 60.0


class ConditionalStore(Protocol):
    """The part of the S3 store that a lock needs."""

    @property
    def url(self) -> str: ...  # noqa: D102
    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None: ...  # noqa: D102
    def read_with_etag(self, key: str) -> tuple[bytes, str]: ...  # noqa: D102


@contextmanager
def hold(store: ConditionalStore, key: str, life_seconds: float = LIFE_SECONDS) -> Iterator[None]:
    """Holds the lock object while the context is open.

    Raises:
        LockHeldError: Someone else holds it and it has not run out.
        LockLostError: On leaving, if someone took it over meanwhile.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    heartbeat = _Heartbeat(
        store, key, owner, life_seconds, _acquire(store, key, owner, life_seconds)
    )
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()
    if not heartbeat.release():
        raise LockLostError(
            f"The lock {key} of {store.url} was taken over while this run held it.",
            "Nothing is lost: run the same command again once the other run has ended.",
        )


def _acquire(store: ConditionalStore, key: str, owner: str, life_seconds: float) -> str:
    fresh = store.put_if(key, _content(owner, life_seconds), etag=None)
    if fresh is not None:
        return fresh
    try:
        data, etag = store.read_with_etag(key)
    except ObjectNotFoundError:
        return _acquire(store, key, owner, life_seconds)
    held = json.loads(data)
    if datetime.fromisoformat(held["expires"]) > datetime.now(UTC):
        raise _held(store, key, held["owner"], held["expires"])
    taken = store.put_if(key, _content(owner, life_seconds), etag)
    if taken is None:
        raise _held(store, key, "another run that was faster", "now")
    return taken


def _held(store: ConditionalStore, key: str, owner: str, expires: str) -> LockHeldError:
    return LockHeldError(
        f"Another run holds the lock {key} of {store.url} ({owner}, until {expires}).",
        "Wait for it to end, or stop it; a lock that is not renewed runs out by itself.",
    )


def _content(owner: str, life_seconds: float) -> bytes:
    expires = datetime.now(UTC) + timedelta(seconds=life_seconds)
    return json.dumps({"owner": owner, "expires": expires.isoformat()}).encode()


class _Heartbeat(threading.Thread):
    """Renews a lock until it is stopped or the lock is lost."""

    def __init__(
        self, store: ConditionalStore, key: str, owner: str, life_seconds: float, etag: str
    ) -> None:
        super().__init__(name=f"lock {key}", daemon=True)
        self._store, self._key, self._owner, self._life = store, key, owner, life_seconds
        self._etag: str | None = etag
        self._stopped = threading.Event()

    def run(self) -> None:
        while self._etag is not None and not self._stopped.wait(self._life / 3):
            # A store that is away for a moment may be back before the lock has run out.
            with suppress(StoreUnreachableError):
                content = _content(self._owner, self._life)
                self._etag = self._store.put_if(self._key, content, self._etag)

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def release(self) -> bool:
        """Lets the lock run out now, which the next owner takes over by If-Match."""
        if self._etag is None:
            return False
        return self._store.put_if(self._key, _content(self._owner, 0.0), self._etag) is not None
