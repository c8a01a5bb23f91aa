"""What the engine costs beside the work: time an item, fixed start, peak memory.

A stage whose work is next to nothing (a row is made of a number) runs over 10,000 and over 100,000
items, in a fresh process each, with a Prefect server and without. Beside it, in the same run, the
bare loop: the same rows made and written as the same parts with no engine. The slope between the
two sizes is what an item costs; the engine's own share is that slope minus the bare loop's.

    python -m benchmarks.orchestration [--items 10000 100000] [--repeats 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from alignbench import services

COMMIT_ROWS = 2048


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", nargs=2, type=int, default=[10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    small, large = arguments.items
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        services.up(root, [services.ServiceName.PREFECT])
        try:
            api = services.prefect_api_url(root)
            modes = {"bare loop": None, "no server": None, "Prefect server": api}
            taken: dict[str, dict[int, list[dict[str, float]]]] = {m: {} for m in modes}
            for repeat in range(arguments.repeats):
                for mode, url in modes.items():
                    for items in (small, large):
                        place = root / f"{mode.replace(' ', '-')}-{items}-{repeat}"
                        figures = _measure(mode, items, place, url)
                        taken[mode].setdefault(items, []).append(figures)
        finally:
            services.down(root)
    _print(taken, small, large)


def _measure(mode: str, items: int, place: Path, url: str | None) -> dict[str, float]:
    environment = {**os.environ, "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    environment.pop("PREFECT_API_URL", None)
    if url is not None:
        environment["PREFECT_API_URL"] = url
    child = "bare" if mode == "bare loop" else "engine"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.orchestration_child", child, str(items), str(place)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _print(taken: dict[str, dict[int, list[dict[str, float]]]], small: int, large: int) -> None:
    def median(mode: str, items: int, name: str) -> float:
        return statistics.median(figures[name] for figures in taken[mode][items])

    def slope(mode: str) -> float:
        spent = median(mode, large, "seconds") - median(mode, small, "seconds")
        return 1000 * spent / (large - small)

    bare = slope("bare loop")
    print(f"| | ms an item | beyond the bare loop | fixed start s | peak MB at {small:,} | "
          f"at {large:,} | ratio |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for mode in taken:
        memory = [median(mode, items, "peak_mb") for items in (small, large)]
        fixed = median(mode, small, "start_seconds")
        print(
            f"| {mode} | {slope(mode):.4f} | {slope(mode) - bare:+.4f} | {fixed:.2f} | "
            f"{memory[0]:.0f} | {memory[1]:.0f} | {memory[1] / memory[0]:.2f} |"
        )


if __name__ == "__main__":
    main()
