"""What both kinds of lock promise, and how the kernel frees the local one."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alignbench.workspace.errors import LockHeldError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore

HOLD = """
import sys
from pathlib import Path
from alignbench.workspace.stores.local import LocalStore

with LocalStore(Path(sys.argv[1])).lock("caption"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_held_lock_is_refused_to_others(store: ObjectStore) -> None:
    with store.lock("caption"):
        with pytest.raises(LockHeldError) as caught, store.lock("caption"):
            pass
        assert "caption" in caught.value.what
        assert store.url in caught.value.what


def test_locks_of_other_names_are_free(store: ObjectStore) -> None:
    with store.lock("caption"), store.lock("split"):
        pass


def test_a_lock_is_free_again_after_use(store: ObjectStore) -> None:
    for _ in range(3):
        with store.lock("caption"):
            pass


def test_a_lock_is_free_again_after_an_error(store: ObjectStore) -> None:
    with pytest.raises(KeyboardInterrupt), store.lock("caption"):
        raise KeyboardInterrupt
    with store.lock("caption"):
        pass


def test_of_many_threads_exactly_one_holds_a_lock(store: ObjectStore) -> None:
    all_tried = threading.Barrier(6)

    def attempt(_: int) -> bool:
        try:
            with store.lock("caption"):
                all_tried.wait(timeout=60)
                return True
        except LockHeldError:
            all_tried.wait(timeout=60)
            return False

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(attempt, range(6))).count(True) == 1


def test_a_lock_is_freed_when_its_holder_is_killed(local_store: LocalStore) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(local_store.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeldError) as caught, local_store.lock("caption"):
            pass
        assert str(holder.pid) in caught.value.what
        holder.kill()
        holder.wait(timeout=30)
        with local_store.lock("caption"):
            content = json.loads(local_store.read("locks/caption.json"))
            assert content["pid"] != holder.pid
