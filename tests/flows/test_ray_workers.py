"""`runner = "ray"`: workers of a cluster make the same rows as one process."""

import json
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from alignbench.flows.runs.ray_workers import CrewSize, crew_size
from alignbench.schemas.configuration.config import parse_config
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.tables import PAIRS, STAGE_RUNS
from alignbench.services import Connection
from alignbench.workspace.workspace import open_store, open_workspace
from tests.fixtures.s3 import BUCKET
from tests.flows.paid_roads import Till, paint_and_configure
from tests.flows.ray_roads import (
    alignbench,
    cluster,
    command,
    config,
    environment,
    paint,
    rows_by_key,
)
from tests.flows.roads import contents
from tests.generators.endpoint.model_server import running

RAY = 'runner = "ray"\nworkers = 2'
ON_S3 = """
[annotation]
storage = "s3"
team = ["operator@localhost"]
annotators_per_sentence = 1
"""


@pytest.mark.parametrize(
    ("machines", "gpus", "wanted", "size"),
    [
        ([{"CPU": 8}], 0, None, CrewSize(1, 8, 0)),
        ([{"CPU": 8}, {"CPU": 8}], 0, None, CrewSize(2, 8, 0)),
        ([{"CPU": 8}, {"CPU": 8}], 0, 8, CrewSize(8, 2, 0)),
        ([{"CPU": 2}], 0, 6, CrewSize(6, 0.33, 0)),
        ([{"CPU": 16, "GPU": 4}], None, None, CrewSize(4, 4, 1)),
        ([{"CPU": 16, "GPU": 4}, {"CPU": 32}], 2, None, CrewSize(2, 8, 2)),
        ([{"CPU": 16, "GPU": 1}], 0.25, None, CrewSize(4, 4, 0.25)),
        ([{"CPU": 16}], None, None, CrewSize(1, 16, 0)),
        ([{"CPU": 16}], 1, None, CrewSize(1, 16, 1)),
        ([{}, {"CPU": 4}], 0, None, CrewSize(1, 4, 0)),
    ],
)
def test_workers_fill_the_cluster(
    machines: list[dict[str, float]], gpus: float | None, wanted: int | None, size: CrewSize
) -> None:
    assert crew_size(machines, gpus, wanted) == size


@pytest.mark.parametrize("address", ["10.0.0.5", "me:secret@host:6379", "host:port", ""])
def test_what_is_no_address_of_a_cluster_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="ray_address"):
        parse_config(f'[run]\nray_address = "{address}"', "alignbench.toml")


def test_more_than_one_gpu_is_a_whole_number_of_them() -> None:
    entry = '[[captioners]]\nname = "a"\nbackend = "precomputed"\nrepo = "a"\ngpus = 1.5'
    with pytest.raises(ConfigError, match="whole number"):
        parse_config(entry, "alignbench.toml")


def test_without_ray_the_extra_is_named(tmp_path: Path) -> None:
    paint(tmp_path / "images", 1)
    (tmp_path / "alignbench.toml").write_text(config(tmp_path / "images", RAY))
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "ray.py").write_text("raise ModuleNotFoundError(name='ray')")
    env = environment()
    env["PYTHONPATH"] = f"{tmp_path / 'blocked'}:{env['PYTHONPATH']}"
    alignbench(tmp_path, "ingest", env=env)
    done = subprocess.run(
        command(tmp_path, "caption"), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "AB-C03" in done.stderr
    assert "alignbench[ray]" in " ".join(done.stderr.split())


def test_workers_on_this_machine_make_the_same_rows_and_load_a_model_once(tmp_path: Path) -> None:
    paint(tmp_path / "images", 20)
    seen = tmp_path / "seen"
    seen.mkdir()
    for name, run in (("local", ""), ("ray", RAY)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "alignbench.toml").write_text(config(tmp_path / "images", run))
        alignbench(tmp_path / name, "ingest", env=environment())
        env = environment(SEEN_IN=str(seen)) if run else environment()
        alignbench(tmp_path / name, "caption", env=env)
    local, shared = rows_by_key(tmp_path / "local"), rows_by_key(tmp_path / "ray")
    assert len(shared["pairs"]) == 40
    assert shared == local
    processes = {file.name.split("-")[0] for file in seen.iterdir()}
    assert len(processes) == 2, "two workers, and not the process that shares out"
    assert len(list(seen.iterdir())) == 4, "two models, each loaded once by each worker"


def test_a_run_that_is_told_to_end_stops_its_workers_and_keeps_what_is_finished(
    tmp_path: Path,
) -> None:
    paint(tmp_path / "images", 100)
    settings = f"{RAY}\ncommit_seconds = 0.1"
    (tmp_path / "alignbench.toml").write_text(config(tmp_path / "images", settings, seconds=0.2))
    alignbench(tmp_path, "ingest", env=environment())
    process = subprocess.Popen(
        command(tmp_path, "caption"), env=environment(), stderr=subprocess.PIPE, text=True
    )
    wait_for_pairs(tmp_path, 1, process)
    of_the_cluster = psutil.Process(process.pid).children(recursive=True)
    assert any(child.name().startswith("ray::Worker") for child in of_the_cluster)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    kept = len(rows_by_key(tmp_path)["pairs"])
    assert 0 < kept < 200
    _, alive = psutil.wait_procs(of_the_cluster, timeout=20)
    assert not alive


@pytest.mark.full
def test_each_worker_has_as_many_gpus_of_its_own_as_the_model_needs(tmp_path: Path) -> None:
    paint(tmp_path / "images", 40)
    seen = tmp_path / "seen"
    seen.mkdir()
    settings = config(tmp_path / "images", 'runner = "ray"', seconds=0.05)
    settings = settings.replace('backend = "words"', 'backend = "words"\ngpus = 1')
    (tmp_path / "alignbench.toml").write_text(settings)
    with cluster(tmp_path, 1, gpus=2, SEEN_IN=str(seen)) as (env, _):
        alignbench(tmp_path, "ingest", env=env)
        alignbench(tmp_path, "caption", env=env)
    assert len(rows_by_key(tmp_path)["pairs"]) == 80
    by_process = {(pid, gpus) for pid, gpus, _ in (file.name.split("-") for file in seen.iterdir())}
    assert sorted(gpus for _, gpus in by_process) == ["0", "1"]


def wait_for_pairs(address: str | Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(open_workspace(address).table(PAIRS).keys("pair_id")) < count:
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_budget_is_never_passed_by_workers_one_of_which_is_killed(tmp_path: Path) -> None:
    with running() as server:
        till = Till(server)
        paint_and_configure(tmp_path, server.base_url, f"{RAY}\ncommit_seconds = 0.2")
        alignbench(tmp_path, "ingest", env=environment())
        for budget in (0.1, 0.12, 0.14):
            before = len(open_workspace(tmp_path).table(PAIRS).keys("pair_id"))
            process = subprocess.Popen(
                command(tmp_path, "caption", "--json", "--budget", str(budget)),
                env=environment(),
                stdout=subprocess.PIPE,
                text=True,
            )
            if budget == 0.12:
                wait_for_pairs(tmp_path, before + 1, process)
                kill_a_worker(process)
            said, _ = process.communicate(timeout=600)
            report = json.loads(said)
            assert report["budget_reached"], report
            assert till.usd <= budget
        assert till.usd > 0.07
        rows = open_workspace(tmp_path).table(STAGE_RUNS).rows()
        assert sum(row.most_usd for row in rows) <= 0.14


def kill_a_worker(run: subprocess.Popen[str]) -> None:
    workers = [
        child
        for child in psutil.Process(run.pid).children(recursive=True)
        if child.name().startswith("ray::Worker")
    ]
    workers[0].kill()


SERVER_IDS = ("project_id", "task_id")


def built(address: str) -> dict[str, list[dict[str, Any]]]:
    """Every table of a workspace, without what a server or a clock decided."""
    tables = contents(address, without=("seconds", *SERVER_IDS))
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


@pytest.fixture(scope="module")
def two_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = tmp_path_factory.mktemp("two-thousand") / "images"
    paint(images, 2000)
    return images


@pytest.fixture(scope="module")
def annotators(label_studio_on_s3: Connection) -> dict[str, str]:
    return {
        "LABEL_STUDIO_URL": label_studio_on_s3.url,
        "LABEL_STUDIO_API_KEY": label_studio_on_s3.token,
    }


def workspace_on_s3(images: Path, run: str = "", seconds: float = 0.0) -> str:
    address = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    settings = config(images, run, seconds) + ON_S3
    open_store(address).create("alignbench.toml", settings.encode())
    return address


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("killed", [False, True], ids=["whole", "one-node-killed"])
def test_two_nodes_build_the_same_tables_as_one_process(
    s3_environment: None,
    two_thousand: Path,
    annotators: dict[str, str],
    tmp_path: Path,
    killed: bool,
) -> None:
    alone = workspace_on_s3(two_thousand)
    alignbench(alone, "build", env=environment(**annotators))
    shared = workspace_on_s3(two_thousand, f"{RAY}\ncommit_seconds = 2", seconds=0.005)
    with cluster(tmp_path, 2, **annotators) as (env, nodes):
        process = subprocess.Popen(
            command(shared, "build"), env=env, stderr=subprocess.PIPE, text=True
        )
        if killed:
            wait_for_pairs(shared, 100, process)
            nodes[1].kill()
        _, said = process.communicate(timeout=900)
        assert process.returncode == 0, said
    expected = built(alone)
    assert len(expected["pairs"]) == 4000
    assert len(expected["tasks"]) >= len(expected["sentences"]) == 8000
    assert built(shared) == expected
