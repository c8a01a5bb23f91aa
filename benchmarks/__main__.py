"""Runs every benchmark in turn, each in a process of its own, and prints its figures."""

import subprocess
import sys

BENCHMARKS = ("benchmarks.orchestration", "benchmarks.idle_stages", "benchmarks.scenes")

for name in BENCHMARKS:
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, "-m", name], check=True)
