"""A run sleeps at a write until another has done its work, wakes, and spoils nothing.

On S3, where a lock runs out; in a folder the kernel keeps it for as long as its process lives.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow.compute as pc
import pytest

from alignbench.annotation.label_studio.server import connect
from alignbench.flows.push import push
from alignbench.schemas.tables import TASKS
from alignbench.services import Connection
from alignbench.workspace.errors import LockHeldError
from alignbench.workspace.workspace import open_store, open_workspace
from tests.faults.http_proxy import Call, FaultProxy, faults_before
from tests.flows.question_stage_roads import QUESTION_STAGES
from tests.flows.stage_roads import STAGES, Road, flow_step, moments, state

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

WITH_SHORT_LOCKS = """
import functools, sys
from alignbench.workspace.stores import s3
s3.hold = functools.partial(s3.hold, life_seconds=1.0)
from pathlib import Path
from alignbench.flows.push import push
from tests.flows.question_stage_roads import question_steps
from tests.flows.stage_roads import STEPS, flow_step, without_waiting
stage, address, *inputs = sys.argv[1:]
steps = question_steps(Path(*inputs)) if inputs else STEPS | {"push": flow_step(push)}
with without_waiting():
    steps[stage](address)
"""

ON_S3 = b"""
[annotation]
storage = "s3"
team = ["operator@localhost"]
annotators_per_sentence = 1
"""

LOCKED = [stage for stage in STAGES if stage not in ("evaluate", "compact")]
"""Those that hold a lock of the workspace."""


def writes_a_row(call: Call) -> bool:
    """Whether a call to S3 writes something of the run's own."""
    return call.method in ("PUT", "POST") and "/locks/" not in call.path


@contextmanager
def asleep(
    stage: str,
    address: str,
    proxy: FaultProxy,
    counts: Callable[[Call], bool],
    number: int,
    *inputs: str,
) -> Iterator[subprocess.Popen[str]]:
    """Runs a stage until a call of it was carried out, and stops its process; wakes it at the end.

    Args:
        stage: The stage.
        address: Its workspace.
        proxy: Where the call goes past.
        counts: Which calls are counted.
        number: At which of them it falls asleep, from 0.
        inputs: Of a stage of questions, the folder of what is imported.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_SHORT_LOCKS, stage, address, *inputs],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    sleeps, left = threading.Event(), [number]

    def fall_asleep(call: Call) -> None:
        if counts(call) and not sleeps.is_set():
            if not left[0]:
                process.send_signal(signal.SIGSTOP)
                sleeps.set()
            left[0] -= 1

    proxy.carried_out = fall_asleep
    try:
        while not sleeps.wait(0.1):
            assert process.poll() is None, process.communicate()
        yield process
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
        assert process.returncode, "It noticed nothing."
        assert "LockLostError" in said, said
    finally:
        proxy.carried_out = lambda _: None
        process.kill()
        process.wait()


def when_the_lock_has_run_out(step: Callable[[], object]) -> None:
    """Does a step as soon as no lock keeps it from that."""
    end = time.monotonic() + 60
    while True:
        try:
            step()
        except LockHeldError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def split_on_s3(s3_road: Road) -> str:
    """A workspace whose sentences can be asked."""
    address = s3_road.before("answers")
    store = open_store(address)
    store.write("alignbench.toml", store.read("alignbench.toml") + ON_S3)
    return address


@pytest.mark.parametrize("stage", LOCKED)
def test_a_stage_that_slept_past_its_lock_spoils_nothing(
    s3_road: Road, s3_proxy: FaultProxy, stage: str
) -> None:
    sleeps_at_some_writes(s3_road, s3_proxy, stage)


@pytest.mark.parametrize("stage", QUESTION_STAGES)
def test_a_stage_of_questions_that_slept_past_its_lock_spoils_nothing(
    s3_question_road: Road, s3_proxy: FaultProxy, inputs_of_questions: Path, stage: str
) -> None:
    sleeps_at_some_writes(s3_question_road, s3_proxy, stage, str(inputs_of_questions))


def sleeps_at_some_writes(road: Road, proxy: FaultProxy, stage: str, *inputs: str) -> None:
    proxy.begin_anew()
    road.run(stage, road.before(stage))
    writes = sum(map(writes_a_row, proxy.calls))
    for number in moments(writes, 3):
        address = road.before(stage)
        with asleep(stage, address, proxy, writes_a_row, number, *inputs):
            when_the_lock_has_run_out(partial(road.run, stage, address))
            assert state(address) == road.whole[stage], (stage, number, "before it wakes")
        assert state(address) == road.whole[stage], (stage, number)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_push_that_slept_past_its_lock_asks_nothing_twice(
    s3_road: Road,
    split_on_s3: str,
    label_studio_on_s3: Connection,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    address = s3_road.place.copied(split_on_s3)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio_on_s3.token)
    with faults_before(label_studio_on_s3.url) as proxy:
        monkeypatch.setenv("LABEL_STUDIO_URL", proxy.url)
        with asleep("push", address, proxy, lambda call: call.changes, number):
            when_the_lock_has_run_out(lambda: flow_step(push)(address))
            before = _asked(label_studio_on_s3, address)
        assert _asked(label_studio_on_s3, address) == before
        assert set(before.values()) == {1}
        flow_step(push)(address)
        assert _asked(label_studio_on_s3, address) == before


def _asked(server: Connection, address: str) -> Counter[str]:
    """How often each sentence can be answered."""
    api = connect(server.url, server.token)
    tasks = open_workspace(address).table(TASKS).read(["project_id"])
    return Counter(
        str(task.sentence_id)
        for project in pc.unique(tasks["project_id"]).to_pylist()
        for task in api.listed_tasks(project)
        if task.is_offered or task.answered
    )
