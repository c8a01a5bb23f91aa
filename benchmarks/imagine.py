"""Images by a pipeline in this process: the stage, and the bare pipeline with its encoding.

The text-to-image model that comes along (`scenes-diffusion`) at 256 x 256 and 2 steps, so that the
encoding of PNGs weighs about as much as beside a large model on a GPU; sentences about drawn
scenes as prompts. The bare loop calls the pipeline and saves each image as PNG. Both must have made
the same files. Each runs in fresh processes over a small and a large number of prompts; images a
second are of the difference, so that imports and loading do not count. PyTorch gets one thread: as
beside a GPU, the other core is free.

    python -m benchmarks.imagine [--prompts 16 96] [--repeats 5]
"""

import argparse
import hashlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alignbench.flows.prompts import prompts as read_prompts
from alignbench.scenes.describing import caption
from alignbench.scenes.sampling import sample_scenes
from alignbench.schemas.rows import Prompt
from benchmarks.measuring import Measured, measured, median

BARE, STAGE = "bare pipeline", "imagine stage"
REPO: Final = "package:scenes/weights/scenes-diffusion"
SIDE, STEPS, BATCH = 256, 2, 8

CONFIG = f"""
[[prompts]]
name = "scenes"
kind = "file"
path = "prompts.txt"
[[image_generators]]
name = "tiny"
backend = "diffusers"
repo = "{REPO}"
forward_batch = {BATCH}
params = {{ num_inference_steps = {STEPS}, guidance_scale = 1.5, height = {SIDE}, width = {SIDE} }}
"""


def main() -> None:
    """Measures and prints; with a mode and a workspace, runs one of the two."""
    if sys.argv[1:2] in ([BARE], [STAGE]):
        images = {BARE: bare, STAGE: stage}[sys.argv[1]](Path(sys.argv[2]))
        digests = sorted(hashlib.sha256(image).hexdigest() for image in images)
        print(json.dumps({"images": hashlib.sha256("".join(digests).encode()).hexdigest()}))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", nargs=2, type=int, default=[16, 96])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    taken: dict[str, dict[int, list[Measured]]] = {BARE: {}, STAGE: {}}
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.prompts:
            _prepare(Path(folder) / f"{count}", count)
        for repeat in range(arguments.repeats):
            for count in arguments.prompts:
                for mode in (BARE, STAGE) if repeat % 2 else (STAGE, BARE):
                    figures = _run(mode, Path(folder) / f"{count}")
                    taken[mode].setdefault(count, []).append(figures)
                if taken[BARE][count][-1].output != taken[STAGE][count][-1].output:
                    raise SystemExit("They did not make the same images.")
    _print(taken, *arguments.prompts)


def bare(folder: Path) -> Iterator[bytes]:
    """What one would write by hand: the pipeline, then each image as PNG."""
    import torch
    from diffusers import DiffusionPipeline

    from alignbench.models.in_process.weights import find_weights
    from alignbench.schemas.tables import PROMPTS
    from alignbench.workspace.workspace import open_workspace

    pipeline = DiffusionPipeline.from_pretrained(find_weights(REPO, None).source)
    pipeline.set_progress_bar_config(disable=True)
    items = list(_items(folder, list(open_workspace(folder).table(PROMPTS).rows())))
    (folder / "made").mkdir()
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        made = pipeline(
            prompt=[prompt for prompt, _ in batch],
            generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in batch],
            num_inference_steps=STEPS,
            guidance_scale=1.5,
            height=SIDE,
            width=SIDE,
        )
        for place, image in enumerate(made.images, start):
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            (folder / "made" / f"{place:05}.png").write_bytes(buffer.getvalue())
            yield buffer.getvalue()


def stage(folder: Path) -> Iterator[bytes]:
    """The `imagine` stage."""
    from alignbench.flows.imagine import imagine
    from alignbench.schemas.tables import IMAGES
    from alignbench.workspace.workspace import open_workspace

    imagine.fn(workspace=str(folder))
    workspace = open_workspace(folder)
    return (workspace.store.read(row.blob) for row in workspace.table(IMAGES).rows())


def _items(folder: Path, rows: list[Prompt]) -> Iterator[tuple[str, int]]:
    """Yields each prompt with the seed that the stage gives it."""
    from alignbench.flows.generators import register_generators
    from alignbench.flows.run import open_run
    from alignbench.schemas import ids
    from alignbench.schemas.vocabulary import Direction

    [selected] = register_generators(open_run(str(folder)), Direction.T2I)
    for row in rows:
        key = ids.pair_id(selected.row.generator_id, row.prompt_id, 0)
        yield row.text, ids.item_seed(key)


def _prepare(folder: Path, count: int) -> None:
    folder.mkdir()
    texts = [caption(scene) for scene in sample_scenes(count, seed=7)]
    (folder / "prompts.txt").write_text("\n".join(texts) + "\n")
    (folder / "alignbench.toml").write_text(CONFIG)
    read_prompts.fn(workspace=str(folder))


def _run(mode: str, folder: Path) -> Measured:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "workspace"
        shutil.copytree(folder, copy)
        command = [sys.executable, "-m", "benchmarks.imagine", mode, str(copy)]
        return measured(command, {"OMP_NUM_THREADS": "1"})


def _print(taken: dict[str, dict[int, list[Measured]]], small: int, large: int) -> None:
    def speed(mode: str) -> float:
        few, many = (median(each.seconds for each in taken[mode][n]) for n in (small, large))
        return (large - small) / (many - few)

    print("| | of the bare pipeline | images/s | start s | peak MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for mode in (BARE, STAGE):
        start = median(each.seconds for each in taken[mode][small]) - small / speed(mode)
        peak = median(each.peak_mb for each in taken[mode][large])
        ratio = speed(mode) / speed(BARE)
        print(f"| {mode} | {ratio:.3f} | {speed(mode):.2f} | {start:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
