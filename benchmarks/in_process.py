"""Captions by a model in this process: the stage, the bare loop, and what is used instead.

The same model (LLaVA's architecture, random weights), the same images and the same batch size: the
`caption` stage; the bare loop over transformers' `generate`; `datasets.map` over transformers'
pipeline. Each runs in a fresh process over a small and a large number of images, one after the
other and so on; images a second are of the difference, so that imports and loading do not count.
All three must have written the same captions. PyTorch gets one thread: as beside a GPU, the other
core is free for decoding, and what else runs on the machine disturbs less. A model is tried at the
stage's first start on a machine, which is measured by itself.

    python -m benchmarks.in_process [--images 32 256] [--repeats 3] [--width 1280]
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.inputs import save_images, save_llava, workspace_of
from benchmarks.instruction import INSTRUCTION
from benchmarks.measuring import Measured, measured, median

MODES = ("bare loop", "caption stage", "datasets.map")
BATCH = 8


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", nargs=2, type=int, default=[32, 256])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--width", type=int, default=256, help="1280 is a model of 1.1 GB")
    arguments = parser.parse_args()
    taken: dict[str, dict[int, list[Measured]]] = {mode: {} for mode in MODES}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        save_llava(root / "model", arguments.width)
        for count in arguments.images:
            _prepare(root / f"{count}", root / "model", count)
        few = root / f"{arguments.images[0]}"
        first = _run(MODES[1], few, root).seconds
        for repeat in range(arguments.repeats):
            for count in arguments.images:
                for mode in MODES[repeat % 3 :] + MODES[: repeat % 3]:
                    figures = _run(mode, root / f"{count}", root)
                    taken[mode].setdefault(count, []).append(figures)
                _check_equal([taken[mode][count][-1] for mode in MODES])
    _print(taken, *arguments.images)
    again = median(each.seconds for each in taken[MODES[1]][arguments.images[0]])
    print(f"The stage's first start on this machine took {first - again:.1f} s more.")


def _prepare(folder: Path, model: Path, count: int) -> None:
    save_images(folder / "images", count)
    entry = {
        "name": "tiny",
        "backend": "transformers",
        "repo": str(model),
        "instruction": INSTRUCTION,
        "forward_batch": BATCH,
        "keep_truncated": True,
        "params": {"max_new_tokens": 24, "min_new_tokens": 24},
    }
    workspace_of(folder, entry)


def _run(mode: str, folder: Path, root: Path) -> Measured:
    copy = Path(tempfile.mkdtemp(dir=root)) / "workspace"
    shutil.copytree(folder, copy)
    child = [sys.executable, "-m", "benchmarks.in_process_child", mode]
    command = [*child, str(copy), str(root / "model"), str(BATCH)]
    figures = measured(command, {"OMP_NUM_THREADS": "1", "ALIGNBENCH_PROBES": str(root / "probes")})
    shutil.rmtree(copy)
    return figures


def _check_equal(figures: list[Measured]) -> None:
    written = {json.loads(each.output.splitlines()[-1])["captions"] for each in figures}
    if len(written) != 1:
        raise SystemExit("They did not write the same captions.")


def _print(taken: dict[str, dict[int, list[Measured]]], small: int, large: int) -> None:
    def speed(mode: str, time: str) -> float:
        """Images a second, of the median times."""
        few, many = (
            median(getattr(each, time) for each in taken[mode][count]) for count in (small, large)
        )
        return (large - small) / (many - few)

    print("| | of the bare loop | by processor time | images/s | start s | "
          f"peak MB at {small} | at {large} |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for mode in MODES:
        ratios = [speed(mode, time) / speed(MODES[0], time) for time in ("seconds", "cpu_seconds")]
        start = median(each.seconds for each in taken[mode][small]) - small / speed(mode, "seconds")
        memory = [median(each.peak_mb for each in taken[mode][count]) for count in (small, large)]
        print(
            f"| {mode} | {ratios[0]:.2f} | {ratios[1]:.2f} | {speed(mode, 'seconds'):.1f} | "
            f"{start:.1f} | {memory[0]:.0f} | {memory[1]:.0f} |"
        )


if __name__ == "__main__":
    main()
