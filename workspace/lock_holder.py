"""The fence of a lock that another process holds, for those who work for it on any machine.

The lock's object says who holds it. Whoever works for the holder reads it before acting: nobody
need be asked, and a holder that is gone, or was asleep for too long, is noticed. On S3 the object
also says when it runs out, so that until shortly before then it need not be read again.
"""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alignbench.workspace.errors import LockLostError, ObjectNotFoundError
from alignbench.workspace.s3_lock import LIFE_SECONDS, SAFE_SHARE, boot_seconds
from alignbench.workspace.store import ObjectStore

_MARGIN_SECONDS = LIFE_SECONDS * (1 - SAFE_SHARE)
"""For clocks of machines that differ."""


class HolderFence:
    """Lets pass while its holder holds a lock; can be sent to other machines."""

    def __init__(self, store: ObjectStore, key: str, holder: Mapping[str, Any]) -> None:
        """Takes the lock's key, and what its object says of its holder."""
        self._store = store
        self._key = key
        self._holder = holder
        self._good_until = 0.0
        self._reading = threading.Lock()

    def __reduce__(self) -> "tuple[type[HolderFence], tuple[ObjectStore, str, Mapping[str, Any]]]":
        return HolderFence, (self._store, self._key, self._holder)

    def __call__(self) -> None:
        """Returns if the lock is still the holder's.

        Raises:
            LockLostError: It is not, or the holder has stopped renewing it.
            StoreUnreachableError: It may not be; the store cannot be asked.
        """
        if boot_seconds() < self._good_until:
            return
        with self._reading:
            if boot_seconds() < self._good_until:
                return
            asked = boot_seconds()
            holder, expires = _read(self._store, self._key)
            if holder != self._holder or not holder:
                raise self._lost("is not held any more by the run that shared out this work")
            if expires is None:
                return
            left = (expires - datetime.now(UTC)).total_seconds() - _MARGIN_SECONDS
            if left <= 0:
                raise self._lost("is not renewed any more by the run that shared out this work")
            self._good_until = asked + left

    def _lost(self, how: str) -> LockLostError:
        return LockLostError(
            f"The lock {self._key} of {self._store.url} {how}.",
            "Nothing is lost: run the same command again once the other run has ended.",
        )


def fence_of_holder(store: ObjectStore, name: str) -> HolderFence:
    """Returns the fence of a lock that this process holds, for others that work for it."""
    key = f"locks/{name}.json"
    return HolderFence(store, key, _read(store, key)[0])


def _read(store: ObjectStore, key: str) -> tuple[Mapping[str, Any], datetime | None]:
    """Returns who holds a lock, and until when; nobody if that cannot be told."""
    try:
        content = json.loads(store.read(key))
        expires = content.pop("expires", None)
        return content, None if expires is None else datetime.fromisoformat(expires)
    except (ObjectNotFoundError, ValueError, TypeError, AttributeError):
        return {}, None
