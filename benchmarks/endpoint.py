"""Captions from a model server: the stage, a bare client at each concurrency, and distilabel.

All ask the same server for captions of the same images, one after the other, each in a process of
its own. The server notes the time from the first request to the last answer, so that imports do not
count and slow starts do. It stands for an engine on another machine (`benchmarks.endpoint_server`):
once one that lets requests wait, once one that answers 429 beyond 48 in flight. The stage learns
how many requests it takes and drains at each commit: a short run reaches less than a long one.

    python -m benchmarks.endpoint [--images 1500] [--repeats 3]
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

CONCURRENCIES = (16, 32, 48, 64)
DISTILABEL = Path(".venv-distilabel/bin/python")
STAGE = "caption stage"


class Figures(NamedTuple):
    """One client's run."""

    images_per_second: float
    refused: int
    peak_mb: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limits", nargs="+", type=int, default=[0, 48], help="0: requests wait")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        save_images(images, arguments.images)
        for most in arguments.limits:
            with _server(most or None) as url:
                clients = _clients(url, images, Path(folder))
                taken: dict[str, list[Figures]] = {name: [] for name in clients}
                for _ in range(arguments.repeats):
                    for name, run in clients.items():
                        taken[name].append(_measure(run, url, arguments.images))
            print("\nRequests wait:" if not most else f"\n429 beyond {most} in flight:")
            _print(taken)


def _clients(url: str, images: Path, root: Path) -> dict[str, Callable[[], float]]:
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

    clients = {f"bare client, {count} in flight": bare(count) for count in CONCURRENCIES}
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
def _server(most: int | None) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    limit = [] if most is None else ["--most", str(most)]
    command = [sys.executable, "-m", "benchmarks.endpoint_server", str(port), *limit]
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
        print(f"| {name} | {ratio:.2f} | {speeds[name]:.1f} | {refused:.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
