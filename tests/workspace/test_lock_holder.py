"""Who works for the holder of a lock, perhaps on another machine, knows if it is still held."""

import pickle
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alignbench.workspace.errors import LockLostError
from alignbench.workspace.local import LocalStore
from alignbench.workspace.lock_holder import fence_of_holder
from alignbench.workspace.s3 import S3Store
from alignbench.workspace.store import ObjectStore
from tests.fixtures.s3 import BUCKET

LOCK = "locks/caption.json"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return LocalStore(tmp_path)
    request.getfixturevalue("s3_environment")
    return S3Store(BUCKET, uuid.uuid4().hex)


def test_a_worker_may_act_while_the_lock_is_held_and_not_afterwards(store: ObjectStore) -> None:
    with store.lock("caption"):
        fence = fence_of_holder(store, "caption")
        pickle.loads(pickle.dumps(fence))()
        fence()
    elsewhere = pickle.loads(pickle.dumps(fence))
    with pytest.raises(LockLostError, match=r"AB-W05: The lock locks/caption.json"):
        elsewhere()


def test_a_worker_of_a_run_that_was_taken_over_may_not_act(store: ObjectStore) -> None:
    with store.lock("caption"):
        fence = fence_of_holder(store, "caption")
    with store.lock("caption"):
        other = fence_of_holder(store, "caption")
        other()
        if isinstance(store, S3Store):  # a folder's lock is this process's both times
            with pytest.raises(LockLostError):
                fence()


def test_a_lock_that_is_not_renewed_is_not_trusted_to_its_end(store: ObjectStore) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    store.write(LOCK, f'{{"owner": "me", "expires": "{soon}"}}'.encode())
    with pytest.raises(LockLostError, match="is not renewed any more"):
        fence_of_holder(store, "caption")()


def test_until_shortly_before_a_lock_runs_out_the_store_is_not_asked_again(
    tmp_path: Path,
) -> None:
    store = LocalStore(tmp_path)
    later = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    store.write(LOCK, f'{{"owner": "me", "expires": "{later}"}}'.encode())
    fence = fence_of_holder(store, "caption")
    fence()
    store.delete(LOCK)
    fence()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"owner": "me", "expires": "never"}'])
def test_a_lock_that_names_nobody_lets_nobody_act(store: ObjectStore, content: bytes) -> None:
    store.write(LOCK, content)
    with pytest.raises(LockLostError):
        fence_of_holder(store, "caption")()
