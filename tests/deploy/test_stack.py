"""docker-compose.yml's services together, without containers, and the whole road on them."""

import json
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.scenes.photographs import copy_inputs
from alignbench.schemas.tables import IMAGES, SENTENCES, TASKS
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.workspace import Workspace, open_store
from tests.deploy.stack import Stack
from tests.flows.roads import CONFIG

pytestmark = pytest.mark.full

ANSWERED = 20
"""Of the sentences, so many are: an answer by the API takes a quarter of a second."""

TERMINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.fixture(scope="module")
def stack(root: Path) -> Iterator[Stack]:
    # Not pytest's own folder, into which the account of PostgreSQL may not go.
    with (
        tempfile.TemporaryDirectory(prefix="alignbench-stack-") as folder,
        Stack(root, Path(folder)).running() as running,
    ):
        yield running


@pytest.fixture(scope="module")
def workspace(stack: Stack) -> Iterator[Workspace]:
    """The stack's workspace, as this process reaches it."""
    settings = stack.environment("cli")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield Workspace(open_store(settings["ALIGNBENCH_WORKSPACE"]))


def config(stack: Stack) -> str:
    """Returns the photographs' configuration with what `docs/deployment.md` asks for."""
    copy_inputs(stack.folder / "input")
    return (
        CONFIG.replace('"inputs/', f'"{stack.folder}/input/')
        .replace("operator@localhost", stack.env["LABEL_STUDIO_USERNAME"])
        .replace("[annotation]", '[annotation]\nstorage = "s3"')
        .replace("[release]", "[release]\nfigures = false")
    )


def prefect(stack: Stack, path: str, **body: object) -> Any:
    """Asks Prefect's server, with the password that `.env` has."""
    secret = b64encode(stack.env["PREFECT_AUTH_STRING"].encode()).decode()
    request = urllib.request.Request(
        f"{stack.url('prefect')}/api/{path}",
        data=json.dumps(body).encode() if body or path.endswith(("filter", "run")) else None,
        headers={"Authorization": f"Basic {secret}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def run_on_the_worker(stack: Stack, name: str) -> dict[str, Any]:
    deployed = {found["name"]: found["id"] for found in prefect(stack, "deployments/filter")}
    run = prefect(stack, f"deployments/{deployed[name]}/create_flow_run")
    deadline = time.monotonic() + 300
    while run["state_type"] not in TERMINAL and time.monotonic() < deadline:
        time.sleep(0.5)
        run = prefect(stack, f"flow_runs/{run['id']}")
    found: dict[str, Any] = run
    return found


def log_of(stack: Stack, service: str) -> str:
    return (stack.folder / f"{service}.log").read_text(errors="replace")[-6000:]


def test_a_benchmark_is_built_annotated_and_released_on_the_stack(
    stack: Stack, workspace: Workspace
) -> None:
    assert "alignbench init" in stack.cli("status", fails=True)
    stack.cli("init")
    workspace.store.write("alignbench.toml", config(stack).encode())
    assert "missing" not in stack.cli("doctor")

    run = run_on_the_worker(stack, "build")
    assert run["state_type"] == "COMPLETED", log_of(stack, "worker")
    tasks = [row.task_id for row in workspace.table(TASKS).rows() if row.task_id is not None]
    sentences = workspace.table(SENTENCES).count()
    assert len(tasks) == sentences > 0
    assert stack.psql("label_studio", "SELECT count(*) FROM task") == f"{sentences}\n"
    assert stack.psql("prefect", "SELECT count(*) FROM flow_run WHERE name <> ''") != "0\n"

    token = stack.env["LABEL_STUDIO_USER_TOKEN"]
    for task in tasks[:ANSWERED]:
        submit_answer(stack.url("label-studio"), token, task, Verdict.CORRECT, (), None, 2.5)
    run = run_on_the_worker(stack, "pull")
    assert run["state_type"] == "COMPLETED", log_of(stack, "worker")
    stack.cli("label")
    assert f"release: {ANSWERED} done" in stack.cli("release")
    address = f"{workspace.store.url}/releases/photographs/1.0.0"
    stack.run("cli", "alignbench", "verify", address)
    counts = json.loads(stack.cli("status", "--json"))
    assert [count["done"] for count in counts if count["stage"] == "label"] == [ANSWERED]


def test_an_annotator_gets_the_images_out_of_the_object_store(
    stack: Stack, workspace: Workspace
) -> None:
    image = next(workspace.table(IMAGES).rows())
    task = next(row.task_id for row in workspace.table(TASKS).rows() if row.task_id is not None)
    headers = {"Authorization": f"Token {stack.env['LABEL_STUDIO_USER_TOKEN']}"}
    asked = urllib.request.Request(
        f"{stack.url('label-studio')}/api/tasks/{task}/?resolve_uri=true", headers=headers
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        shown = json.load(answer)["data"]["image"]
    path = shown if shown.startswith("http") else f"{stack.url('label-studio')}{shown}"
    with urllib.request.urlopen(
        urllib.request.Request(path, headers=headers), timeout=30
    ) as answer:
        assert answer.headers["Content-Type"].startswith("image/")
    assert image.blob.startswith("blobs/images/")


def test_the_databases_are_backed_up_and_restored_as_the_page_says(stack: Stack) -> None:
    dump = str(stack.folder / "label_studio.dump")
    stack.database("pg_dump", "-Fc", "-f", dump, "label_studio")
    stack.psql("postgres", "CREATE DATABASE restored OWNER label_studio")
    stack.database("pg_restore", "-d", "restored", "--clean", "--if-exists", dump)
    count = "SELECT count(*) FROM task_completion"
    assert stack.psql("restored", count) == stack.psql("label_studio", count)


def test_nobody_starts_a_flow_without_the_password(stack: Stack) -> None:
    request = urllib.request.Request(f"{stack.url('prefect')}/api/deployments/filter", data=b"{}")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=10)


def test_one_servers_role_cannot_enter_the_others_database(stack: Stack) -> None:
    allowed = "SELECT has_database_privilege('label_studio', 'prefect', 'CONNECT')"
    assert stack.psql("postgres", allowed) == "f\n"
