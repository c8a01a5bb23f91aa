"""Stores under several writers at once, and under kill -9."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore

SPAWN = multiprocessing.get_context("spawn")

WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
from alignbench.workspace.stores.local import LocalStore

store = LocalStore(Path(sys.argv[1]))
for turn in range(1_000_000):
    store.write("blobs/replaced", bytes([turn % 256]) * (1 << 20))
    store.create(f"blobs/created-{turn:07}", bytes([turn % 256]) * 1000)
    print(turn, flush=True)
"""


def create_together(store: ObjectStore, barrier: Any, number: int) -> bool:
    barrier.wait(timeout=60)
    return store.create("contested", b"%d" % number)


def create_in_process(store: ObjectStore, barrier: Barrier, number: int, wins: Any) -> None:
    if create_together(store, barrier, number):
        wins.put(number)


def test_of_many_threads_exactly_one_creates_an_object(store: ObjectStore) -> None:
    barrier = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: create_together(store, barrier, number), range(8)))
    assert won.count(True) == 1
    assert store.read("contested") == b"%d" % won.index(True)


def test_of_several_processes_exactly_one_creates_an_object(store: ObjectStore) -> None:
    barrier = SPAWN.Barrier(3)
    wins = SPAWN.SimpleQueue()
    processes = [
        SPAWN.Process(target=create_in_process, args=(store, barrier, number, wins))
        for number in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=90)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    winner = wins.get()
    assert wins.empty()
    assert store.read("contested") == b"%d" % winner


def test_a_reader_sees_whole_objects_only(store: ObjectStore) -> None:
    versions = [bytes([letter]) * (1 << 18) for letter in b"abcd"]
    store.write("blobs/replaced", versions[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(20):
            store.write("blobs/replaced", versions[turn % 4])
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not done.is_set():
            assert store.read("blobs/replaced") in versions
            listed = [(info.key, info.size) for info in store.list("blobs")]
            assert listed == [("blobs/replaced", 1 << 18)]
            if writing.done():
                writing.result()


def test_a_killed_writer_leaves_whole_objects_only(local_store: LocalStore) -> None:
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_UNTIL_KILLED, str(local_store.root)],
            stdout=subprocess.PIPE,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            writer.kill()
        for info in local_store.list("blobs"):
            data = local_store.read(info.key)
            assert info.key.startswith(("blobs/replaced", "blobs/created-"))
            assert len(data) == (1 << 20 if info.key == "blobs/replaced" else 1000)
            assert set(data) == {data[0]}


def test_a_failed_write_leaves_the_old_object_and_no_litter(
    local_store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_store.write("blobs/a", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    attempts: list[Callable[[], object]] = [
        lambda: local_store.write("blobs/a", b"new"),
        lambda: local_store.create("blobs/b", b"new"),
    ]
    monkeypatch.setattr("os.fsync", full)
    for attempt in attempts:
        with pytest.raises(OSError, match="No space"):
            attempt()
    assert [path.name for path in (local_store.root / "blobs").iterdir()] == ["a"]
    assert local_store.read("blobs/a") == b"old"


def test_objects_are_as_open_as_the_folder_allows(local_store: LocalStore) -> None:
    local_store.write("blobs/a", b"")
    plain = local_store.root / "plain"
    plain.touch()
    assert (local_store.root / "blobs/a").stat().st_mode == plain.stat().st_mode
