"""`services up`, `down` and `status` with real servers."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from alignbench.services import (
    ServiceName,
    ServiceState,
    ServiceStatus,
    down,
    label_studio_connection,
    prefect_api_url,
    status,
    up,
)
from alignbench.services.errors import ServiceNotRunningError, ServiceStateError
from alignbench.services.process import ServerProcess, birth_mark
from alignbench.services.state import ServiceRecord, make_service_folder, read_record, write_record

PREFECT = [ServiceName.PREFECT]
UP = "import sys, pathlib; from alignbench.services import *; up(pathlib.Path(sys.argv[1]), {})"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    down(tmp_path)


def up_in_another_process(root: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", UP.format("[ServiceName.PREFECT]"), str(root)])


def test_both_servers_start_together_and_answer(services_root: Path) -> None:
    states = status(services_root)
    assert [state.status for state in states] == [ServiceStatus.RUNNING] * 2
    assert [state.name for state in states] == ["prefect", "label-studio"]
    prefect, label_studio = (state.url for state in states)
    assert httpx.get(f"{prefect}/api/health", trust_env=False).json() is True
    assert httpx.get(f"{label_studio}/health", trust_env=False).json()["status"] == "UP"


def test_up_leaves_running_servers_as_they_are(services_root: Path) -> None:
    before = status(services_root)
    assert up(services_root) == before


def test_running_servers_need_no_label_studio_python_to_be_found_again(
    services_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIGNBENCH_LABEL_STUDIO_PYTHON", "/nowhere/python")
    assert all(state.status is ServiceStatus.RUNNING for state in up(services_root))


def test_the_servers_listen_on_loopback_only(services_root: Path) -> None:
    for state in status(services_root):
        assert state.pid is not None
        process = psutil.Process(state.pid)
        family = [process, *process.children(recursive=True)]
        listening = {
            connection.laddr.ip
            for member in family
            for connection in member.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}, state.name


def test_a_server_outlives_its_starter_stops_on_down_and_comes_back_on_the_same_port(
    root: Path,
) -> None:
    assert up_in_another_process(root).wait() == 0
    [running] = status(root, PREFECT)
    assert running.status is ServiceStatus.RUNNING
    assert running.url is not None
    assert prefect_api_url(root) == f"{running.url}/api"

    [stopped] = down(root, PREFECT)
    assert stopped.status is ServiceStatus.STOPPED
    assert prefect_api_url(root) is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url, trust_env=False)

    [again] = up(root, PREFECT)
    assert again.url == running.url
    assert again.pid != running.pid


def test_a_killed_server_is_shown_as_died_and_up_starts_it_again(root: Path) -> None:
    [running] = up(root, PREFECT)
    assert running.pid is not None
    psutil.Process(running.pid).kill()
    os.waitpid(running.pid, 0)
    assert status(root, PREFECT)[0].status is ServiceStatus.DIED
    assert up(root, PREFECT)[0].status is ServiceStatus.RUNNING


def test_a_remembered_port_that_was_taken_is_left_to_its_new_owner(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        make_service_folder(root, ServiceName.PREFECT)
        write_record(
            root, ServiceName.PREFECT, ServiceRecord(port, f"http://127.0.0.1:{port}", None)
        )
        [state] = up(root, PREFECT)
    assert state.status is ServiceStatus.RUNNING
    record = read_record(root, ServiceName.PREFECT)
    assert record is not None
    assert record.port != port


def test_two_ups_at_once_start_one_server(root: Path) -> None:
    starters = [up_in_another_process(root) for _ in range(2)]
    assert [starter.wait() for starter in starters] == [0, 0]
    [state] = status(root, PREFECT)
    servers = [
        process.pid
        for process in psutil.process_iter()
        if is_server_of(process, root / "services" / "prefect")
    ]
    assert servers == [state.pid]


def is_server_of(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder.resolve())
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False


def test_down_spares_a_process_that_was_given_the_servers_id(root: Path) -> None:
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        folder = make_service_folder(root, ServiceName.PREFECT)
        stale = ServerProcess(bystander.pid, "another boot/1")
        write_record(root, ServiceName.PREFECT, ServiceRecord(1, "http://127.0.0.1:1", stale))
        assert status(root, PREFECT) == [
            ServiceState(ServiceName.PREFECT, ServiceStatus.DIED, None, None, folder / "server.log")
        ]
        down(root, PREFECT)
        assert bystander.poll() is None

        # The same record with the right birth mark does name the process.
        named = replace(stale, birth=birth_mark(bystander.pid) or "")
        write_record(root, ServiceName.PREFECT, ServiceRecord(1, "http://127.0.0.1:1", named))
        down(root, PREFECT)
        bystander.wait(timeout=5)
    finally:
        if bystander.poll() is None:
            bystander.kill()
            bystander.wait()


def test_a_workspace_without_services_has_nothing_to_stop_and_is_not_written_to(
    tmp_path: Path,
) -> None:
    assert [state.status for state in down(tmp_path)] == [ServiceStatus.STOPPED] * 2
    assert list(tmp_path.iterdir()) == []


def test_asking_for_a_label_studio_that_does_not_run_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(ServiceNotRunningError, match=r"AB-S13: .* is stopped\. .*services up"):
        label_studio_connection(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"port": 1, "process": 7})])
def test_an_unreadable_state_file_is_an_error_that_names_it(root: Path, content: str) -> None:
    folder = make_service_folder(root, ServiceName.PREFECT)
    (folder / "state.json").write_text(content)
    with pytest.raises(ServiceStateError, match=r"AB-S15: .*state\.json"):
        status(root)
    (folder / "state.json").unlink()
