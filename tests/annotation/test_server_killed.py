"""The server dies while it is pushed to or pulled from, comes back, or comes back with nothing."""

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.pulling.pull import pull
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.tables import ANNOTATIONS, TASKS
from alignbench.schemas.vocabulary import TaskState, Verdict
from alignbench.services import ServiceName, down, label_studio_connection, up
from tests.annotation.push_stage import on_server, push_all, reopened
from tests.annotation.workspaces import Prepared, prepare
from tests.flows.roads import CONFIG, alignbench, new_workspace

_SENTENCES = [f"Sentence number {number} speaks of the image." for number in range(10)]
_CHUNK = 40


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A workspace folder with a Label Studio of its own, which may be killed."""
    try:
        yield tmp_path
    finally:
        down(tmp_path)


def started(root: Path) -> tuple[LabelStudioServer, int]:
    [state] = (one for one in up(root) if one.name is ServiceName.LABEL_STUDIO)
    connection = label_studio_connection(root)
    assert state.pid is not None
    return connect(connection.url, connection.token), state.pid


def kill_during(
    monkeypatch: pytest.MonkeyPatch, server: LabelStudioServer, pid: int, name: str, call: int
) -> None:
    """Has the server killed a moment after the n-th call of a method has begun."""
    usual: Callable[..., Any] = getattr(server, name)
    calls: list[None] = []

    def watched(*arguments: Any) -> Any:
        calls.append(None)
        if len(calls) == call:
            threading.Timer(0.03, os.killpg, (pid, signal.SIGKILL)).start()
        return usual(*arguments)

    monkeypatch.setattr(server, name, watched)


def gone(pid: int) -> None:
    """Waits until the server that was killed is no more; started too soon, it would seem alive."""
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)


def confirmed(prepared: Prepared) -> list[int]:
    rows = prepared.workspace.table(TASKS).rows()
    return [row.task_id for row in rows if row.state is TaskState.CONFIRMED and row.task_id]


def test_a_server_killed_during_push_and_pull_ends_in_the_same_state(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, pid = started(root)
    prepared = prepare(root / "blobs" / "own", images=30, sentences=_SENTENCES)
    kill_during(monkeypatch, server, pid, "import_tasks", 4)
    with pytest.raises(AlignBenchError) as stopped:
        push_all(prepared, server, chunk=_CHUNK)
    assert stopped.value.code in ("AB-A01", "AB-A04")
    gone(pid)
    server, pid = started(root)
    push_all(reopened(prepared), server, chunk=_CHUNK)
    there = on_server(prepared, server)
    assert len(there) == 300
    assert set(there.values()) == {1}
    token = label_studio_connection(root).token
    tasks = confirmed(prepared)[:60]
    for task in tasks:
        submit_answer(server.url, token, task, Verdict.CORRECT)
    kill_during(monkeypatch, server, pid, "all_answered_tasks", 1)
    with pytest.raises(AlignBenchError):
        pull(prepared.workspace, server, "test")
    gone(pid)
    server, _ = started(root)
    pull(reopened(prepared).workspace, server, "test")
    answers = Counter(row.task_id for row in prepared.workspace.table(ANNOTATIONS).rows())
    assert answers == Counter(tasks)


@pytest.mark.full
def test_a_server_that_was_rebuilt_from_nothing_stops_push_and_pull(root: Path) -> None:
    new_workspace(root / "ws", CONFIG)
    own = root / "ws"
    try:
        server, _ = started(own)
        for stage in ("ingest", "caption", "split", "push"):
            done = alignbench(own, stage)
            assert done.returncode == 0, done.stderr
        before = sorted(path.name for path in (own / "tables").rglob("*.parquet"))
        down(own)
        shutil.rmtree(own / "services" / "label-studio" / "data")
        server, _ = started(own)
        for stage in ("push", "pull"):
            stopped = alignbench(own, stage)
            assert stopped.returncode == 1
            assert "AB-A07" in stopped.stderr
        assert sorted(path.name for path in (own / "tables").rglob("*.parquet")) == before
        assert "done" in alignbench(own, "push", "--other-server").stdout
        projects = httpx.get(
            f"{server.url}/api/projects/",
            headers={"Authorization": f"Token {label_studio_connection(own).token}"},
        ).json()["results"]
        assert [project["task_number"] > 0 for project in projects] == [True]
    finally:
        down(own)
