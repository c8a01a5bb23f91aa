"""The fence of a lock that another process holds, for those who work for it on any machine.

The lock's object says who holds it. Whoever works for the holder reads it before acting: nobody
need be asked, and a holder that is gone, or was asleep for too long, is noticed. On S3 the object
also has a life, which begins when the store says that it was written; until shortly before its end
it need not be read again. In a folder the kernel tells whether anybody holds it: the object of a
holder that was killed still names it.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any

from alignbench.workspace.errors import LockLostError, ObjectNotFoundError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3_lock import SAFE_SHARE, ConditionalStore, boot_seconds
from alignbench.workspace.stores.store import ObjectStore


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
            holder, left = _read(self._store, self._key)
            if holder != self._holder or not holder:
                raise self._lost("is not held any more by the run that shared out this work")
            if left is None:
                return
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


def _read(store: ObjectStore, key: str) -> tuple[Mapping[str, Any], float | None]:
    """Returns who holds a lock, and for how many seconds surely; nobody if that cannot be told."""
    try:
        if not isinstance(store, ConditionalStore):
            is_free = isinstance(store, LocalStore) and not store.is_locked(key)
            return {} if is_free else dict(json.loads(store.read(key))), None
        content = store.content(key)
        said = json.loads(content.data)
        holder = {"owner": str(said["owner"])}  # the rest changes while it is held
        return holder, said["life_seconds"] * SAFE_SHARE - content.age_seconds
    except (ObjectNotFoundError, ValueError, TypeError, LookupError):
        return {}, None
