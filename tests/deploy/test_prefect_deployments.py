"""prefect.yaml: a deployment for each stage, registered and run by a real worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from alignbench.schemas.vocabulary import StageName
from tests.flows.roads import contents, new_workspace

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
TERMINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def environment(server: str, workspace: Path) -> dict[str, str]:
    ours = {"PREFECT_API_URL": server, "ALIGNBENCH_WORKSPACE": str(workspace)}
    return {**os.environ, **ours, "PATH": f"{BIN}:{os.environ['PATH']}"}


def prefect(server: str, workspace: Path, *arguments: str) -> None:
    done = subprocess.run(
        [BIN / "prefect", "--no-prompt", *arguments],
        cwd=ROOT,
        env=environment(server, workspace),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def worker(server: str, workspace: Path) -> Iterator[None]:
    """A worker of the pool, ended with the flow runs that it started."""
    with (workspace / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / "prefect", "worker", "start", "--pool", "alignbench", "--type", "process"],
            cwd=ROOT,
            env=environment(server, workspace),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def finished_run(server: str, run_id: str, seconds: float = 120) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        run: dict[str, Any] = httpx.get(f"{server}/flow_runs/{run_id}").json()
        if run["state_type"] in TERMINAL or time.monotonic() > deadline:
            return run
        time.sleep(0.5)


def test_a_worker_runs_a_stage_that_was_started_from_its_deployment(
    prefect_server: str, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path / "workspace")
    pool = ("work-pool", "create", "alignbench", "--type", "process", "--overwrite")
    prefect(prefect_server, workspace, *pool)
    prefect(prefect_server, workspace, "deploy", "--all")
    deployed = httpx.post(f"{prefect_server}/deployments/filter", json={}).json()
    ids = {deployment["name"]: deployment["id"] for deployment in deployed}
    assert ids.keys() >= {*StageName, "build"}
    started = httpx.post(f"{prefect_server}/deployments/{ids['ingest']}/create_flow_run", json={})
    with worker(prefect_server, workspace):
        run = finished_run(prefect_server, started.json()["id"])
    assert run["state_type"] == "COMPLETED", (workspace / "worker.log").read_text()
    assert run["parameters"]["workspace"] == str(workspace)
    assert len(contents(workspace)["images"]) == 12
