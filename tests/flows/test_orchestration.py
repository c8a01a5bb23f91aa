"""The same flow function runs under a Prefect server and without one."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

RUN = """
import json, sys
from pathlib import Path
from prefect import flow
from alignbench.flows.runs.orchestration import run_flow, server_url
from tests.engine.number_stage import NumberStage, open_numbers, run_numbers

@flow(name="numbers", persist_result=False)
def numbers(workspace: str, count: int):
    run = open_numbers(Path(workspace), "commit_rows = 100")
    return run_numbers(NumberStage(run, count), run)

report = run_flow(numbers, sys.argv[1], int(sys.argv[2]))
print(json.dumps(report.as_json()))
"""

LOSES_ITS_SERVER = """
import contextlib, json, os, sys
from pathlib import Path
from tests.flows.cut_connection import CutConnection

connection = CutConnection(int(sys.argv[2]))
os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{connection.port}/api"

from prefect import flow
from alignbench.engine.watching import Watcher
from alignbench.flows.runs import orchestration
from alignbench.flows.runs.orchestration import run_flow
from alignbench.flows.runs.watching import shown_by
from tests.engine.number_stage import NumberStage, open_numbers, run_numbers

LOST, BACK = int(sys.argv[3]), int(sys.argv[4])
HANGS, BY_WORKER = "hangs" in sys.argv, "by a worker" in sys.argv
if not HANGS:  # of one that hangs, each question takes seconds
    orchestration._AWAY_SECONDS = 0.0
noted = []

class Notes(Watcher):
    def noted(self, text):
        noted.append(text)

class Stage(NumberStage):
    def work(self, items):
        for place, outcome in enumerate(super().work(items)):
            if place == LOST:
                (connection.freeze if HANGS else connection.cut)()
            if place == BACK:
                connection.restore()
            yield outcome

@flow(name="numbers", persist_result=False)
def numbers(workspace: str, count: int):
    run = open_numbers(Path(workspace), "commit_rows = 100")
    return run_numbers(Stage(run, count), run)

reports = []

@flow(name="numbers by a worker", persist_result=False)
def numbers_by_worker():
    reports.append(numbers.fn(sys.argv[1], 600))

with shown_by(Notes()):
    if BY_WORKER:  # which calls the flow; that the server hears nothing of the end is its loss
        with contextlib.suppress(Exception):
            numbers_by_worker()
        [report] = reports
    else:
        report = run_flow(numbers, sys.argv[1], 600)
print(json.dumps({**report.as_json(), "noted": noted}))
"""


def run_numbers(workspace: Path, count: int, api_url: str | None) -> dict[str, object]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    environment.pop("PREFECT_API_URL", None)
    if api_url is not None:
        environment["PREFECT_API_URL"] = api_url
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(workspace), str(count)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def test_under_a_server_a_commit_is_one_task_run_and_the_report_is_an_artifact(
    tmp_path: Path, prefect_server: str
) -> None:
    report = run_numbers(tmp_path, 500, prefect_server)
    assert report["made"] == 500
    flows = httpx.post(
        f"{prefect_server}/flow_runs/filter",
        json={"flows": {"name": {"any_": ["numbers"]}}, "sort": "START_TIME_DESC", "limit": 1},
    ).json()
    run_id = flows[0]["id"]
    assert flows[0]["state_type"] == "COMPLETED"
    by_run = {"flow_runs": {"id": {"any_": [run_id]}}}
    tasks = httpx.post(f"{prefect_server}/task_runs/filter", json=by_run).json()
    assert len(tasks) == report["commits"]
    artifacts = httpx.post(f"{prefect_server}/artifacts/filter", json=by_run).json()
    keys = {artifact["key"] for artifact in artifacts}
    assert {"prompts-progress", "prompts-report", "prompts-metrics"} <= keys
    [metrics] = [one["data"] for one in artifacts if one["key"] == "prompts-metrics"]
    told = {row["metric"]: row["value"] for row in json.loads(metrics)}
    assert told["made"] == 500


@pytest.mark.parametrize(
    ("back", "how", "noted"),
    [
        (450, [], ["does not answer", "answers again"]),
        pytest.param(10_000, [], ["does not answer"], marks=pytest.mark.full),
        pytest.param(10_000, ["hangs"], ["does not answer"], marks=pytest.mark.full),
        pytest.param(10_000, ["by a worker"], ["does not answer"], marks=pytest.mark.full),
        pytest.param(10_000, ["by a worker", "hangs"], ["does not answer"], marks=pytest.mark.full),
    ],
)
def test_a_server_that_goes_away_does_not_stop_the_work(
    tmp_path: Path, prefect_server: str, back: int, how: list[str], noted: list[str]
) -> None:
    port = str(urlsplit(prefect_server).port)
    by_worker = worker_variables() if "by a worker" in how else {}
    process = subprocess.Popen(
        [sys.executable, "-c", LOSES_ITS_SERVER, str(tmp_path), port, "250", str(back), *how],
        env={**os.environ, **by_worker, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    giving_up = threading.Timer(240, process.kill)
    giving_up.start()
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        if "hangs" in how:
            process.kill()  # Prefect's client would hand in its last events for minutes
        _, complaint = process.communicate()
    finally:
        giving_up.cancel()
        process.kill()
    assert "hangs" in how or process.returncode == 0, complaint
    report = json.loads(said)
    assert (report["made"], report["commits"]) == (600, 6)
    assert len(report["noted"]) == len(noted)
    for said, expected in zip(report["noted"], noted, strict=True):
        assert expected in said


def worker_variables() -> dict[str, str]:
    """What `prefect.yaml` sets for the processes that a worker starts."""
    settings = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
    variables: dict[str, str] = settings["definitions"]["pool"]["job_variables"]["env"]
    return variables


def test_without_a_server_none_is_started(tmp_path: Path) -> None:
    report = run_numbers(tmp_path, 50, None)
    assert report["made"] == 50


def test_a_configured_server_that_does_not_answer_is_an_error_that_says_what_to_do(
    tmp_path: Path,
) -> None:
    with pytest.raises(AssertionError, match=r"AB-F04: The Prefect server .* does not answer"):
        run_numbers(tmp_path, 5, "http://127.0.0.1:9/api")
