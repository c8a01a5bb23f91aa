"""Who works for the holder of a lock, perhaps on another machine, knows if it is still held."""

import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alignbench.workspace.errors import LockHeldError, LockLostError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.lock_holder import fence_of_holder
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.s3_lock import hold
from alignbench.workspace.stores.store import ObjectStore
from tests.faults.clock import clock_set
from tests.workspace.waiting import eventually

LOCK = "locks/caption.json"


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


HOLDER = """
import sys, time
from pathlib import Path
from alignbench.workspace.stores.local import LocalStore
with LocalStore(Path(sys.argv[1])).lock("caption"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_worker_of_a_run_that_was_killed_in_a_folder_may_not_act(
    local_store: LocalStore,
) -> None:
    command = [sys.executable, "-c", HOLDER, str(local_store.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        fence = fence_of_holder(local_store, "caption")
        for _ in range(3):
            fence()
        with pytest.raises(LockHeldError), local_store.lock("caption"):
            pass
        holder.kill()
        holder.wait()
    assert local_store.read(LOCK), "the killed run's name stays"
    with pytest.raises(LockLostError, match="is not held any more"):
        fence()


def test_nobody_is_kept_from_a_free_lock_by_those_who_ask_for_its_holder(
    local_store: LocalStore,
) -> None:
    with local_store.lock("caption"):
        pass
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            local_store.is_locked(LOCK)

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask)
        try:
            for _ in range(30):
                with local_store.lock("caption"):
                    assert local_store.is_locked(LOCK)
        finally:
            ended.set()
        asking.result()


def held_for(store: ObjectStore, life_seconds: float) -> None:
    lock = {"owner": "me", "life_seconds": life_seconds, "expires": "2026-01-01T00:00:00+00:00"}
    store.write(LOCK, json.dumps(lock).encode())


def test_a_lock_that_is_not_renewed_is_not_trusted_to_its_end(s3_store: S3Store) -> None:
    held_for(s3_store, 2.0)
    fence = fence_of_holder(s3_store, "caption")
    eventually(lambda: s3_store.content(LOCK).age_seconds >= 2.0)
    with pytest.raises(LockLostError, match="is not renewed any more"):
        fence()


@pytest.mark.parametrize("hours", [-6, 6])
def test_a_worker_whose_clock_is_wrong_may_act(s3_store: S3Store, hours: int) -> None:
    with s3_store.lock("caption"), clock_set(hours * 3600):
        fence_of_holder(s3_store, "caption")()


def test_until_shortly_before_a_lock_runs_out_the_store_is_not_asked_again(
    s3_store: S3Store,
) -> None:
    held_for(s3_store, 60.0)
    fence = fence_of_holder(s3_store, "caption")
    fence()
    s3_store.delete(LOCK)
    fence()


def test_a_lock_that_another_let_go_is_the_holders_after_it_was_renewed(s3_store: S3Store) -> None:
    with s3_store.lock("caption"):
        pass
    with hold(s3_store, LOCK, life_seconds=0.3):
        fence = fence_of_holder(s3_store, "caption")
        taken = s3_store.content(LOCK)
        assert b'"let_go_by": null' not in taken.data
        eventually(lambda: s3_store.content(LOCK).data != taken.data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "alignbench.workspace.stores.lock_holder.SAFE_SHARE", 100.0
            )  # a life is short
            fence()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"owner": 7'])
def test_a_lock_that_names_nobody_lets_nobody_act(store: ObjectStore, content: bytes) -> None:
    store.write(LOCK, content)
    with pytest.raises(LockLostError):
        fence_of_holder(store, "caption")()
