"""Captions from a model server: the stage, a bare client at each concurrency, and distilabel.

All ask the same server for captions of the same images, one after the other, each in a process of
its own. The server notes the time from the first request to the last answer, so that imports do not
count and slow starts do. It stands for an engine on another machine (`benchmarks.endpoint_server`).
The stage is not told how many requests a server takes; the bare clients are, and the best counts.

    python -m benchmarks.endpoint [--only NAME ...] [--repeats 5]
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks.inputs import save_images, workspace_of
from benchmarks.instruction import INSTRUCTION
from benchmarks.measuring import measured, median

DISTILABEL = Path(".venv-distilabel/bin/python")
STAGE = "caption stage"


class Setting(NamedTuple):
    """A server, how much it is asked, and the bare clients that it is asked by."""

    title: str
    images: int
    server: tuple[str, ...]
    concurrencies: tuple[int, ...]


SETTINGS = {
    "long": Setting("32 slots of 0.5 s, requests wait", 1500, (), (32, 48, 64)),
    "short": Setting("the same, a short run", 300, (), (32, 48, 64)),
    "refusing": Setting("429 beyond 48 in flight", 1500, ("--most", "48"), (32, 48)),
    "refusing-short": Setting("the same, a short run", 300, ("--most", "48"), (32, 48)),
    "slow": Setting("8 slots of 2 s", 160, ("--slots", "8", "--seconds", "2"), (8, 16)),
    "fast": Setting("128 slots of 0.2 s", 1500, ("--slots", "128", "--seconds", "0.2"), (64, 128)),
}


class Figures(NamedTuple):
    """One client's run."""

    images_per_second: float
    refused: int
    peak_mb: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    arguments = parser.parse_args()
    for setting in (SETTINGS[name] for name in arguments.only):
        with tempfile.TemporaryDirectory() as folder, running_server(setting.server) as url:
            images = Path(folder) / "images"
            save_images(images, setting.images)
            clients = _clients(url, images, Path(folder), setting.concurrencies)
            taken: dict[str, list[Figures]] = {name: [] for name in clients}
            for _ in range(arguments.repeats):
                for name, run in clients.items():
                    taken[name].append(_measure(run, url, setting.images))
            print(f"\n{setting.title}, {setting.images:,} images:")
            _print(taken)


def _clients(
    url: str, images: Path, root: Path, concurrencies: tuple[int, ...]
) -> dict[str, Callable[[], float]]:
    """Returns for each client what runs it and tells the memory that it took."""

    def bare(concurrency: int) -> Callable[[], float]:
        command = [sys.executable, "-m", "benchmarks.endpoint_client", f"{url}/v1", str(images)]
        return lambda: measured([*command, str(concurrency)]).peak_mb

    def stage() -> float:
        with tempfile.TemporaryDirectory(dir=root) as folder:
            place = Path(folder) / "workspace"
            shutil.copytree(images, place / "images")
            entry: dict[str, Any] = {"name": "tiny", "backend": "openai", "repo": "tiny"}
            entry |= {"base_url": f"{url}/v1", "instruction": INSTRUCTION}
            workspace_of(place, entry)
            verb = str(Path(sys.executable).with_name("alignbench"))
            return measured([verb, "-C", str(place), "caption"]).peak_mb

    def distilabel() -> float:
        script = str(Path(__file__).with_name("distilabel_client.py"))
        return measured([str(DISTILABEL), script, f"{url}/v1", str(images)]).peak_mb

    clients = {f"bare client, {count} in flight": bare(count) for count in concurrencies}
    clients[STAGE] = stage
    if DISTILABEL.exists():
        clients["distilabel"] = distilabel
    return clients


def _measure(run: Callable[[], float], url: str, images: int) -> Figures:
    httpx.get(f"{url}/stats", trust_env=False)
    peak = run()
    stats = httpx.get(f"{url}/stats", trust_env=False).json()
    if stats["answered"] != images:
        raise SystemExit(f"{stats['answered']} captions of {images} images.")
    return Figures(images / stats["seconds"], stats["refused"], peak)


@contextmanager
def running_server(options: tuple[str, ...]) -> Iterator[str]:
    """Runs `endpoint_server`; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.endpoint_server", str(port), *options]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command) as process:
        try:
            _wait_for(f"{url}/stats", process)
            yield url
        finally:
            process.terminate()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("The server did not start.")


def _print(taken: dict[str, list[Figures]]) -> None:
    speeds = {name: median(each.images_per_second for each in taken[name]) for name in taken}
    best = max(speed for name, speed in speeds.items() if name.startswith("bare"))
    print("| | of the best bare client | images/s | refused | peak MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, figures in taken.items():
        refused = median(each.refused for each in figures)
        peak = median(each.peak_mb for each in figures)
        ratio = speeds[name] / best
        print(f"| {name} | {ratio:.3f} | {speeds[name]:.1f} | {refused:.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
