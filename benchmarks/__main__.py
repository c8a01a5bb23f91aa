"""Runs every benchmark in turn, each in a process of its own, and prints its figures."""

import subprocess
import sys

BENCHMARKS = (
    "benchmarks.orchestration",
    "benchmarks.idle_stages",
    "benchmarks.in_process",
    "benchmarks.imagine",
    "benchmarks.endpoint",
    "benchmarks.judging",
    "benchmarks.evaluation",
    "benchmarks.paper",
    "benchmarks.clip4dm",
    "benchmarks.shared_images",
    "benchmarks.labelling",
    "benchmarks.million_rows",
    "benchmarks.adaptive_votes",
    "benchmarks.release_writing",
    "benchmarks.annotation",
    "benchmarks.caption_page",
    "benchmarks.scenes",
)

for name in BENCHMARKS:
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, "-m", name], check=True)
