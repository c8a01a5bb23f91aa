"""One worker of a Ray cluster and two: captions by a model that is waited for.

The model is one that takes a while and no processor, as behind a server that answers one call after
the other. Each run is the whole command, the start of Ray on this machine included.

    python -m benchmarks.sharing [--images 600] [--seconds 0.05] [--repeats 3]
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.flows.ray_roads import alignbench, command, config, environment, paint


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    taken: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images")
        paint(images, arguments.images)
        for repeat in range(arguments.repeats):
            for workers in taken:
                root = Path(folder, f"{workers}-{repeat}")
                taken[workers].append(_seconds(root, images, workers, arguments.seconds))
    one, two = (statistics.median(seconds) for seconds in taken.values())
    print("| workers | seconds | captions/s | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    for workers, seconds in ((1, one), (2, two)):
        pace = 2 * arguments.images / seconds
        print(f"| {workers} | {seconds:.1f} | {pace:.1f} | {one / seconds:.2f} |")


def _seconds(root: Path, images: Path, workers: int, each: float) -> float:
    root.mkdir()
    run = f'runner = "ray"\nworkers = {workers}'
    (root / "alignbench.toml").write_text(config(images, run, each))
    alignbench(root, "ingest", env=environment())
    done = subprocess.run(
        command(root, "caption", "--json"),
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["made"] == 2 * sum(1 for _ in images.iterdir()), report
    return float(report["seconds"])


if __name__ == "__main__":
    main()
