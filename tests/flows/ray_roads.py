"""Workspaces of plain images, worked on with and without a Ray cluster."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from alignbench.schemas.tables import IMAGES, PAIRS, SENTENCES
from alignbench.workspace.workspace import open_workspace

ROOT = Path(__file__).parents[2]
PLUGIN = Path(__file__).parent / "word_plugin"
TOKEN = "0123456789abcdef" * 4

CONFIG = """
[[sources]]
name = "squares"
kind = "folder"
path = "{images}"

[[captioners]]
name = "words"
backend = "words"
repo = "words"
seconds_each = {seconds}

[[captioners]]
name = "more-words"
backend = "words"
repo = "more"
seconds_each = {seconds}

[run]
{run}
"""


def paint(folder: Path, count: int) -> None:
    """Makes images, each of its own colour."""
    folder.mkdir(parents=True)
    for number in range(count):
        colour = (number % 256, number // 256 % 256, 100)
        Image.new("RGB", (16, 16), colour).save(folder / f"{number:05d}.png")


def config(images: Path, run: str = "", seconds: float = 0.0) -> str:
    return CONFIG.format(images=images, seconds=seconds, run=run)


def environment(**further: str) -> dict[str, str]:
    """What an operator sets: a path with the plug-in, and no server of Prefect's."""
    taken = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "RAY_"))}
    return taken | {"PYTHONPATH": f"{ROOT}:{PLUGIN}"} | further


def command(address: str | Path, *verb: str) -> list[str]:
    return [sys.executable, "-m", "alignbench", "-C", str(address), *verb]


def alignbench(address: str | Path, *verb: str, env: Mapping[str, str]) -> str:
    """Runs a verb that must succeed; returns what it printed."""
    done = subprocess.run(
        command(address, *verb), env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows_by_key(address: str | Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns what the stages made, without what differs from run to run."""
    left_out = {"created_at", "run_id", "seconds"}
    workspace = open_workspace(address)
    return {
        spec.name: {
            row[spec.key[0]]: {name: row[name] for name in row if name not in left_out}
            for row in workspace.table(spec).read().to_pylist()
        }
        for spec in (IMAGES, PAIRS, SENTENCES)
    }


class Node(NamedTuple):
    """A node of a cluster: the process group of its processes."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def cluster(
    folder: Path, nodes: int, gpus: int = 0, **further: str
) -> Iterator[tuple[dict[str, str], list[Node]]]:
    """Runs a cluster of one processor a node; yields the environment of a run on it.

    Its GPUs are numbers: Ray deals them out without looking for them.

    Each node has a loopback address of its own, and none has 127.0.0.1: Ray takes that for "this
    machine" and puts the address of its network card in its place, which the head does not have.
    """
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    env = environment(**secret, **further)
    hosts = [f"127.0.0.{2 + number}" for number in range(nodes)]
    port = _free_port(hosts[0])
    address = f"{hosts[0]}:{port}"
    started: list[Node] = []
    with tempfile.TemporaryDirectory(prefix="ray-") as place:  # a socket's path must be short
        head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={place}"]
        try:
            for number, host in enumerate(hosts):
                which = [f"--address={address}"] if number else head
                which = [*which, f"--num-gpus={gpus}"]
                log = folder / f"node-{number}.log"
                started.append(_started(log, [*which, f"--node-ip-address={host}"], env))
                _wait_for(log, started[-1])
            yield env | {"RAY_ADDRESS": address}, started
        finally:
            for node in started:
                if node.process.poll() is None:
                    node.kill()


def _started(log: Path, which: list[str], env: Mapping[str, str]) -> Node:
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", *which]
    size = ["--num-cpus=1", "--object-store-memory=100000000", "--block"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*ray, *size], env=env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Node(process)


def _free_port(host: str) -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(log: Path, node: Node) -> None:
    deadline = time.monotonic() + 60
    while b"Ray runtime started" not in log.read_bytes():
        assert node.process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
