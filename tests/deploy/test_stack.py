"""The services of docker-compose.yml, started by hand with its settings: the road goes through.

No container engine is asked for. PostgreSQL is Debian's, Prefect and Label Studio are PyPI's, and
the S3 server is moto's, which stands in for SeaweedFS. What differs from the containers is where
things listen; everything else is what the compose file and `.env` say.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import httpx
import pytest
import yaml

from alignbench.scenes.photographs import copy_inputs
from alignbench.schemas.tables import SENTENCES, TASKS
from alignbench.services.label_studio import label_studio_python
from alignbench.services.ports import choose_port
from alignbench.workspace.workspace import open_store, open_workspace
from tests.fixtures.postgresql import SUPERUSER, running_postgresql
from tests.fixtures.s3 import serving
from tests.flows.roads import CONFIG

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")
STAGES = ("ingest", "caption", "split", "push")
PATIENCE_SECONDS = 900


class Stack(NamedTuple):
    """The services, and what those who use them are told."""

    environment: dict[str, str]
    prefect: httpx.Client
    label_studio: httpx.Client


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    _run([sys.executable, "deploy/make_env.py", str(folder / ".env")], {})
    secrets = dict(
        line.split("=", 1)
        for line in (folder / ".env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    prefect_port, studio_port, health_port = (choose_port(None, ()) for _ in range(3))

    def settings(service: str, **elsewhere: str) -> dict[str, str]:
        given = services[service]["environment"]
        return {name: _filled(str(value), secrets) for name, value in given.items()} | elsewhere

    with ExitStack() as running:
        database = {"HOST": "127.0.0.1", "PORT": str(running.enter_context(running_postgresql()))}
        _run(
            ["sh", *map(str, (ROOT / "deploy/postgres").iterdir())],
            settings("postgres", POSTGRES_USER=SUPERUSER)
            | {f"PG{name}": value for name, value in database.items()},
        )
        s3 = running.enter_context(serving())
        _run(
            [sys.executable, "deploy/create_bucket.py"],
            settings("bucket", AWS_ENDPOINT_URL_S3=s3),
        )
        prefect = settings(
            "prefect",
            PREFECT_HOME=str(folder / "prefect"),
            PREFECT_SERVER_API_HOST="127.0.0.1",
            PREFECT_SERVER_API_PORT=str(prefect_port),
            **{f"PREFECT_SERVER_DATABASE_{name}": value for name, value in database.items()},
        )
        studio = settings(
            "label-studio-app",
            LABEL_STUDIO_BASE_DATA_DIR=str(folder / "label-studio"),
            LABEL_STUDIO_HOST=f"http://127.0.0.1:{studio_port}",
            S3_ENDPOINT=s3,
            **{f"POSTGRE_{name}": value for name, value in database.items()},
        )
        program = [str(label_studio_python()), "-m", "label_studio.server"]
        _run([*program, *services["label-studio-init"]["command"][1:]], studio)
        start = [
            *(*program, "start", "--no-browser", "--debug"),
            *("--internal-host", "127.0.0.1", "--port", str(studio_port)),
        ]
        running.enter_context(_service(start, studio, folder / "label-studio.log"))
        served = [str(BIN / "prefect"), *services["prefect"]["command"][1:]]
        running.enter_context(_service(served, prefect, folder / "prefect.log"))
        _answering(f"http://127.0.0.1:{prefect_port}/api/ready")
        _answering(f"http://127.0.0.1:{studio_port}/health")
        worker = settings(
            "worker",
            AWS_ENDPOINT_URL_S3=s3,
            LABEL_STUDIO_URL=f"http://127.0.0.1:{studio_port}",
            PREFECT_API_URL=f"http://127.0.0.1:{prefect_port}/api",
            PREFECT_HOME=str(folder / "worker"),
            PREFECT_WORKER_WEBSERVER_PORT=str(health_port),
        )
        running.enter_context(
            _service(services["worker"]["entrypoint"], worker, folder / "worker.log")
        )
        _answering(f"http://127.0.0.1:{health_port}/health")
        user, _, password = worker["PREFECT_API_AUTH_STRING"].partition(":")
        token = {"Authorization": f"Token {worker['LABEL_STUDIO_API_KEY']}"}
        yield Stack(
            worker,
            running.enter_context(
                httpx.Client(base_url=worker["PREFECT_API_URL"], auth=(user, password), timeout=60)
            ),
            running.enter_context(
                httpx.Client(base_url=worker["LABEL_STUDIO_URL"], headers=token, timeout=60)
            ),
        )


def test_a_worker_takes_images_to_annotators_through_all_of_them(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    copy_inputs(tmp_path / "inputs")
    config = CONFIG.replace('"inputs/', f'"{tmp_path}/inputs/')
    config = config.replace("[annotation]", '[annotation]\nstorage = "s3"')
    address = stack.environment["ALIGNBENCH_WORKSPACE"]
    assert open_store(address).create("alignbench.toml", config.encode())
    deployed = stack.prefect.post("deployments/filter", json={}).json()
    ids = {deployment["name"]: deployment["id"] for deployment in deployed}
    for stage in STAGES:
        started = stack.prefect.post(f"deployments/{ids[stage]}/create_flow_run", json={}).json()
        assert _ended(stack, started["id"]) == "COMPLETED", stage
    workspace = open_workspace(address)
    tasks = list(workspace.table(TASKS).rows())
    sent = {task.sentence_id for task in tasks if task.task_id is not None}
    assert len(sent) == workspace.table(SENTENCES).count() > 0
    task_id = next(task.task_id for task in tasks if task.task_id is not None)
    shown = stack.label_studio.get(f"api/tasks/{task_id}/").json()["data"]["image"]
    signed = stack.label_studio.get(shown).headers["location"]
    assert urljoin(signed, "/").rstrip("/") == stack.environment["AWS_ENDPOINT_URL_S3"]
    assert httpx.get(signed).headers["content-type"].startswith("image/")


def _filled(value: str, secrets: Mapping[str, str]) -> str:
    """Returns a value of the compose file as Compose fills it in."""
    return VARIABLE.sub(lambda found: secrets.get(found[1]) or found[2] or "", value)


def _told(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PATH": f"{BIN}:{os.environ['PATH']}", "DO_NOT_TRACK": "1"} | dict(settings)


def _run(command: Sequence[str], settings: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env=_told(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _service(command: Sequence[str], settings: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_told(settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answering(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if httpx.get(url, timeout=10).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.5)


def _ended(stack: Stack, run_id: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        run = stack.prefect.get(f"flow_runs/{run_id}").json()
        if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return run["state_type"]
        assert time.monotonic() < deadline, run
        time.sleep(0.5)
