"""`runner = "ray"`: workers of a cluster make the same rows as one process."""

import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from alignbench.flows.ray_workers import CrewSize, crew_size
from alignbench.schemas.config import parse_config
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.tables import PAIRS
from alignbench.workspace.workspace import open_store, open_workspace
from tests.fixtures.s3 import BUCKET
from tests.flows.ray_roads import (
    alignbench,
    cluster,
    command,
    config,
    environment,
    paint,
    rows_by_key,
)

RAY = 'runner = "ray"\nworkers = 2'


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
    pytest.importorskip("ray")
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
    pytest.importorskip("ray")
    paint(tmp_path / "images", 100)
    settings = f"{RAY}\ncommit_seconds = 0.1"
    (tmp_path / "alignbench.toml").write_text(config(tmp_path / "images", settings, seconds=0.2))
    alignbench(tmp_path, "ingest", env=environment())
    process = subprocess.Popen(
        command(tmp_path, "caption"), env=environment(), stderr=subprocess.PIPE, text=True
    )
    wait_for_pairs(tmp_path, 1, process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    kept = len(rows_by_key(tmp_path)["pairs"])
    assert 0 < kept < 200
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def wait_for_pairs(address: str | Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(open_workspace(address).table(PAIRS).keys("pair_id")) < count:
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("killed", [False, True], ids=["whole", "one-node-killed"])
def test_two_nodes_on_a_workspace_in_s3_make_the_same_tables_as_a_local_run(
    s3_environment: None, tmp_path: Path, killed: bool
) -> None:
    pytest.importorskip("ray")
    images = tmp_path / "images"
    paint(images, 2000)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "alignbench.toml").write_text(config(images))
    for verb in ("ingest", "caption", "split"):
        alignbench(tmp_path / "local", verb, env=environment())
    address = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    settings = f"{RAY}\ncommit_seconds = 2"
    store = open_store(address)
    store.create("alignbench.toml", config(images, settings, seconds=0.005).encode())
    with cluster(tmp_path, 2) as (env, nodes):
        alignbench(address, "ingest", env=env)
        process = subprocess.Popen(
            command(address, "caption"), env=env, stderr=subprocess.PIPE, text=True
        )
        if killed:
            wait_for_pairs(address, 100, process)
            nodes[1].kill()
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
        alignbench(address, "split", env=env)
    assert rows_by_key(address) == rows_by_key(tmp_path / "local")
