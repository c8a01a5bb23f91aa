"""Each call of push and pull to a real Label Studio meets each fault once: nothing is different.

Nor is it if a second operator begins at a call of the first one, and runs to the end within it.
"""

import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.flows.pull import pull
from alignbench.flows.push import push
from alignbench.flows.runs.orchestration import run_flow
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.tables import ANNOTATIONS, TASKS
from alignbench.schemas.vocabulary import TaskState, Verdict
from alignbench.workspace.workspace import open_workspace
from tests.faults.http_proxy import Call, Fault, FaultProxy, faults_before, once
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import alignbench, contents, new_workspace
from tests.flows.second_operator import SecondOperator
from tests.flows.stage_roads import moments

FAULTS = [
    Fault.REFUSED, Fault.DROPPED, Fault.LOST, Fault.BAD_GATEWAY, Fault.TRUNCATED, Fault.TWICE,
]  # fmt: skip
SERVER_IDS = ("project_id", "task_id", "annotation_id", "version")


class Server:
    """A Label Studio behind a proxy, and a workspace that was split and not pushed yet."""

    def __init__(self, real: EmbeddedLabelStudio, proxy: FaultProxy, split: Path) -> None:
        self.real = real
        self.proxy = proxy
        self.direct: LabelStudioServer = connect(real.url, real.token)
        self._split = split
        self._place = real.root / "blobs" / uuid.uuid4().hex

    def fresh(self, source: Path | None = None) -> str:
        """A copy of a workspace, the unpushed one by default; the server may show its images."""
        copy = self._place / uuid.uuid4().hex
        shutil.copytree(source or self._split, copy)
        return str(copy)

    def meets(self, stage: Any, address: str, number: int, fault: Fault) -> None:
        """Runs a stage one of whose calls meets a fault; if that ended it, runs it again."""
        self.proxy.begin_anew(once(number, fault))
        try:
            run_flow(stage, address)
        except AlignBenchError:
            self.proxy.begin_anew()
            run_flow(stage, address)
        self.proxy.begin_anew()
        run_flow(stage, address)  # finds what may have come late

    def both(self, first: Any, second: Any, address: str, number: int) -> str:
        """Runs a stage, and another within one of its calls; returns how that one ended."""
        other = SecondOperator(lambda: run_flow(second, address))

        def meanwhile(call: Call) -> Fault:
            if call.number == number:
                other()
            return Fault.NONE

        self.proxy.begin_anew(meanwhile)
        run_flow(first, address)
        self.proxy.begin_anew()
        other.check()
        return other.ended

    def calls_of(self, stage: Any, address: str) -> int:
        """Runs a stage; returns how many calls it made."""
        self.proxy.begin_anew()
        run_flow(stage, address)
        return len(self.proxy.calls)

    def asked(self, address: str) -> Counter[str]:
        """How often each sentence can be answered, or was."""
        tasks = open_workspace(address).table(TASKS).read(["project_id"])
        return Counter(
            str(task.sentence_id)
            for project in pc.unique(tasks["project_id"]).to_pylist()
            if self.direct.counts(project) is not None
            for task in self.direct.listed_tasks(project)
            if task.is_offered or task.answered
        )


@pytest.fixture(scope="module")
def server(
    label_studio: EmbeddedLabelStudio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    split = new_workspace(tmp_path_factory.mktemp("split") / "workspace")
    for stage in ("ingest", "caption", "split"):
        assert alignbench(split, stage).returncode == 0
    with pytest.MonkeyPatch.context() as patch, faults_before(label_studio.url) as proxy:
        patch.setenv("LABEL_STUDIO_URL", proxy.url)
        patch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
        patch.delenv("PREFECT_API_URL", raising=False)
        yield Server(label_studio, proxy, split)


@pytest.fixture(scope="module")
def whole_push(server: Server) -> tuple[str, int]:
    """A workspace that was pushed without a fault, and how many calls that took."""
    address = server.fresh()
    return address, server.calls_of(push, address)


@pytest.fixture(scope="module")
def answered(server: Server, whole_push: tuple[str, int]) -> tuple[Path, str, int]:
    """A pushed workspace with answers to pull, one that has pulled them, and in how many calls."""
    pushed = Path(whole_push[0])
    tasks = [
        row.task_id
        for row in open_workspace(pushed).table(TASKS).rows()
        if row.state is TaskState.CONFIRMED and row.task_id is not None
    ]
    for task in sorted(tasks)[:6]:
        submit_answer(server.real.url, server.real.token, task, Verdict.CORRECT)
    pulled = server.fresh(pushed)
    return pushed, pulled, server.calls_of(pull, pulled)


def push_meets(server: Server, whole: str, number: int, fault: Fault) -> None:
    address = server.fresh()
    server.meets(push, address, number, fault)
    check_asked_once(server, whole, address, number)


def check_asked_once(server: Server, whole: str, address: str, number: int) -> None:
    expected = contents(whole, without=SERVER_IDS)["sentences"]
    assert server.asked(address) == {row["sentence_id"]: 1 for row in expected}, number
    sent = [
        row
        for row in contents(address, without=SERVER_IDS)["tasks"]
        if row["state"] == TaskState.CONFIRMED
    ]
    assert len(sent) == len({row["sentence_id"] for row in sent}) == len(expected)


def pull_meets(server: Server, answered: tuple[Path, str, int], number: int, fault: Fault) -> None:
    pushed, pulled, _ = answered
    address = server.fresh(pushed)
    server.meets(pull, address, number, fault)
    name = ANNOTATIONS.name
    assert contents(address)[name] == contents(pulled)[name], (number, fault)


def test_a_push_that_loses_an_answer_asks_everything_once(
    server: Server, whole_push: tuple[str, int]
) -> None:
    whole, calls = whole_push
    for number in moments(calls, 4):
        push_meets(server, whole, number, Fault.LOST)


def test_a_pull_that_loses_an_answer_gets_it_all_the_same(
    server: Server, answered: tuple[Path, str, int]
) -> None:
    for number in moments(answered[2], 2):
        pull_meets(server, answered, number, Fault.TRUNCATED)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_of_any_call_of_push_changes_what_is_asked(
    server: Server, whole_push: tuple[str, int], fault: Fault
) -> None:
    whole, calls = whole_push
    for number in range(calls):
        push_meets(server, whole, number, fault)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_of_any_call_of_pull_changes_an_answer(
    server: Server, answered: tuple[Path, str, int], fault: Fault
) -> None:
    for number in range(answered[2]):
        pull_meets(server, answered, number, fault)


def two_push(server: Server, whole: str, number: int) -> str:
    """A second push begins at a call of the first: every sentence is asked about once."""
    address = server.fresh()
    ended = server.both(push, push, address, number)
    check_asked_once(server, whole, address, number)
    return ended


def two_pull(
    server: Server, answered: tuple[Path, str, int], first: Any, second: Any, number: int
) -> None:
    """Two stages at once where there are answers: both do their work, and answers are as ever."""
    pushed, pulled, _ = answered
    address = server.fresh(pushed)
    server.both(first, second, address, number)
    run_flow(pull, address)  # one that was refused is run again
    name = ANNOTATIONS.name
    assert contents(address)[name] == contents(pulled)[name], number
    check_asked_once(server, str(pushed), address, number)


def test_a_second_push_before_or_within_the_first_asks_nothing_twice(
    server: Server, whole_push: tuple[str, int]
) -> None:
    whole, calls = whole_push
    assert two_push(server, whole, 0) == "done"  # the first holds no lock yet, and finds all done
    assert two_push(server, whole, calls // 2) == "refused"


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_second_push_at_any_call_asks_nothing_twice(
    server: Server, whole_push: tuple[str, int]
) -> None:
    whole, calls = whole_push
    for number in range(calls):
        two_push(server, whole, number)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("second", [pull, push])
@pytest.mark.parametrize("first", [pull, push])
def test_a_second_operator_at_any_call_changes_no_answer(
    server: Server, answered: tuple[Path, str, int], first: Any, second: Any
) -> None:
    for number in range(server.calls_of(first, server.fresh(answered[0]))):
        two_pull(server, answered, first, second, number)
