"""A run that slept until its lock was another's does nothing more when it wakes."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from alignbench.flows.ingest import ingest
from alignbench.schemas.fence import Fence
from alignbench.schemas.tables import FAILURES, PAIRS
from alignbench.workspace.errors import LockHeldError
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import Workspace, open_store, open_workspace
from tests.fixtures.s3 import BUCKET
from tests.generators.endpoint.model_server import running, said

IMAGES = 40
CONFIG = """
[[sources]]
name = "photos"
kind = "folder"
path = "{folder}"
[[captioners]]
name = "served"
backend = "openai"
base_url = "{base_url}"
start_concurrency = 1
max_concurrency = 1
[run]
commit_rows = 3
"""
CAPTION_WITH_SHORT_LOCKS = """
import functools, sys
from alignbench.workspace.stores import s3
s3.hold = functools.partial(s3.hold, life_seconds=1.0)
from alignbench.flows.caption import caption
caption.fn(workspace=sys.argv[1])
"""


def make_workspace(folder: Path, base_url: str) -> Workspace:
    (folder / "photos").mkdir()
    for number in range(IMAGES):
        Image.new("RGB", (16, 16), (number, 20, 30)).save(folder / "photos" / f"{number:03}.png")
    address = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    config = CONFIG.format(folder=folder / "photos", base_url=base_url)
    open_store(address).create("alignbench.toml", config.encode())
    ingest.fn(workspace=address)
    return open_workspace(address)


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "It did not come about in time."
        time.sleep(0.02)


def taken_over(store: ObjectStore, stack: ExitStack) -> Fence:
    """Holds the stage's lock, as another run would, once it has run out."""
    fences: list[Fence] = []

    def can_be_taken() -> bool:
        try:
            fences.append(stack.enter_context(store.lock("caption")))
        except LockHeldError:
            return False
        return True

    eventually(can_be_taken)
    return fences[0]


def test_a_run_that_wakes_without_its_lock_sends_and_writes_nothing_more(
    s3_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def slowly(_: object) -> object:
        time.sleep(0.05)
        return said("A caption.")

    with running(script=slowly) as server, ExitStack() as stack:  # type: ignore[arg-type]
        workspace = make_workspace(tmp_path, server.base_url)
        sleeper = subprocess.Popen(
            [sys.executable, "-c", CAPTION_WITH_SHORT_LOCKS, workspace.url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            eventually(lambda: len(server.asked) >= 5)
            sleeper.send_signal(signal.SIGSTOP)
            fence = taken_over(workspace.store, stack)
            begun, parts = len(server.asked), workspace.table(PAIRS).part_names()
            sleeper.send_signal(signal.SIGCONT)
            _, said_at_the_end = sleeper.communicate(timeout=60)
        finally:
            sleeper.kill()
            sleeper.wait()
        assert sleeper.returncode != 0
        assert "LockLostError" in said_at_the_end
        assert len(server.asked) <= begun + 1 < IMAGES
        assert workspace.table(PAIRS).part_names() == parts
        assert not workspace.table(FAILURES).count()
        fence()
