"""What a stage costs that has nothing to do: a whole command, from the shell's point of view.

The demo's workspace is built once; then every verb is run again, as a process of its own, with both
servers up and with none. Beside it `python -c pass`, the least that any command costs.

    python -m benchmarks.idle_stages [--repeats 5]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from alignbench import services

STAGES = ("ingest", "prompts", "caption", "imagine", "split", "push", "pull", "label", "release")
NEEDS_LABEL_STUDIO = ("push", "pull")
ALIGNBENCH = str(Path(sys.executable).parent / "alignbench")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        try:
            _seconds([ALIGNBENCH, "-C", str(root), "demo"])
            served = {stage: _again(root, stage, repeats) for stage in STAGES}
        finally:
            services.down(root)
        alone = {s: _again(root, s, repeats) for s in STAGES if s not in NEEDS_LABEL_STUDIO}
    python = statistics.median(_seconds([sys.executable, "-c", "pass"]) for _ in range(repeats))
    print(f"python -c pass: {python:.2f} s\n")
    print("| nothing to do | both servers, s | no server, s |")
    print("| --- | ---: | ---: |")
    for stage in STAGES:
        without = f"{alone[stage]:.2f}" if stage in alone else "-"
        print(f"| {stage} | {served[stage]:.2f} | {without} |")


def _again(root: Path, stage: str, repeats: int) -> float:
    command = [ALIGNBENCH, "-C", str(root), stage]
    return statistics.median(_seconds(command, f"{stage}: nothing to do") for _ in range(repeats))


def _seconds(command: list[str], expected: str = "") -> float:
    ours = ("PREFECT_", "LABEL_STUDIO_", "ALIGNBENCH_WORKSPACE")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    started = time.monotonic()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - started
    if expected not in done.stdout:
        raise SystemExit(f"{' '.join(command)} said {done.stdout!r}, not {expected!r}.")
    return seconds


if __name__ == "__main__":
    main()
