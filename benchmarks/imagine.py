"""Images by a pipeline in this process: the stage, and the bare pipeline with its encoding.

The text-to-image model that comes along (`scenes-diffusion`) with sentences about drawn scenes as
prompts. The bare loop calls the pipeline and saves each image as PNG. Both must have made the same
files. Each runs in fresh processes over a small and a large number of prompts; images a second are
of the difference, so that imports and loading do not count.

- `processor`: 256 x 256 in 2 steps, so that encoding weighs about as much as beside a large model
  on a GPU. PyTorch gets one thread, and the other core is free only where nothing else runs.
- `device`: the processor waits, as it does for a GPU: the denoiser and the decoder sleep instead of
  computing, and noise of 512 x 512 pixels comes out. The waiting is such that encoding takes the
  share of the bare loop's time that was measured beside an H200 (7 % at 1024 x 1024, 28 steps).

    python -m benchmarks.imagine [--only device] [--repeats 5]
"""

import argparse
import hashlib
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from alignbench.flows.prompts import prompts as read_prompts
from alignbench.scenes.describing import caption
from alignbench.scenes.sampling import sample_scenes
from alignbench.schemas.rows.generation import Prompt
from benchmarks.measuring import Measured, measured, median

BARE, STAGE = "bare pipeline", "imagine stage"
REPO: Final = "package:scenes/weights/scenes-diffusion"
STEPS, BATCH = 2, 8


class Setting(NamedTuple):
    """Where the model computes, how large its images are, and how many are made."""

    title: str
    side: int
    prompts: tuple[int, int]
    waited: float
    """Seconds that an image's computation is waited for; 0 where the processor does it."""


SETTINGS: Final = {
    "processor": Setting("computed by one thread, 256 x 256", 256, (16, 96), 0.0),
    "device": Setting("the processor waits as for a GPU, 512 x 512", 512, (8, 40), 0.7),
}

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
params = {{ num_inference_steps = {STEPS}, guidance_scale = 1.5, height = %d, width = %d }}
"""


def main() -> None:
    """Measures and prints; with a mode, a setting and a workspace, runs one of the two."""
    if sys.argv[1:2] in ([BARE], [STAGE]):
        setting = SETTINGS[sys.argv[2]]
        if setting.waited:
            _wait_as_for_a_device(setting)
        images = {BARE: bare, STAGE: stage}[sys.argv[1]](Path(sys.argv[3]), setting.side)
        digests = sorted(hashlib.sha256(image).hexdigest() for image in images)
        print(json.dumps({"images": hashlib.sha256("".join(digests).encode()).hexdigest()}))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.only:
        _measure(name, arguments.repeats)


def _measure(name: str, repeats: int) -> None:
    setting = SETTINGS[name]
    taken: dict[str, dict[int, list[Measured]]] = {BARE: {}, STAGE: {}}
    with tempfile.TemporaryDirectory() as folder:
        for count in setting.prompts:
            _prepare(Path(folder) / f"{count}", count, setting.side)
        for repeat in range(repeats):
            for count in setting.prompts:
                for mode in (BARE, STAGE) if repeat % 2 else (STAGE, BARE):
                    figures = _run(mode, name, Path(folder) / f"{count}")
                    taken[mode].setdefault(count, []).append(figures)
                if taken[BARE][count][-1].output != taken[STAGE][count][-1].output:
                    raise SystemExit("They did not make the same images.")
    print(f"\n{setting.title}:")
    _print(taken, *setting.prompts)


def _wait_as_for_a_device(setting: Setting) -> None:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    noise = torch.rand(1, 3, setting.side, setting.side, generator=torch.Generator().manual_seed(0))

    def denoised(_: Any, sample: Any, *_args: Any, **_options: Any) -> tuple[Any]:
        time.sleep(setting.waited * BATCH / STEPS)
        return (sample,)

    def decoded(_: Any, latents: Any, *_args: Any, **_options: Any) -> tuple[Any]:
        coarse = torch.nn.functional.interpolate(latents[:, :3], size=noise.shape[2:])
        return (0.2 * coarse.tanh() + 0.4 * noise,)

    UNet2DConditionModel.forward, AutoencoderKL.decode = denoised, decoded


def bare(folder: Path, side: int) -> Iterator[bytes]:
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
            height=side,
            width=side,
        )
        for place, image in enumerate(made.images, start):
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            (folder / "made" / f"{place:05}.png").write_bytes(buffer.getvalue())
            yield buffer.getvalue()


def stage(folder: Path, _: int) -> Iterator[bytes]:
    """The `imagine` stage."""
    from alignbench.flows.imagine import imagine
    from alignbench.schemas.tables import IMAGES
    from alignbench.workspace.workspace import open_workspace

    imagine.fn(workspace=str(folder))
    workspace = open_workspace(folder)
    return (workspace.store.read(row.blob) for row in workspace.table(IMAGES).rows())


def _items(folder: Path, rows: list[Prompt]) -> Iterator[tuple[str, int]]:
    """Yields each prompt with the seed that the stage gives it."""
    from alignbench.flows.runs.run import open_run
    from alignbench.flows.selected.generators import register_generators
    from alignbench.schemas import ids
    from alignbench.schemas.vocabulary import Direction

    [selected] = register_generators(open_run(str(folder)), Direction.T2I)
    for row in rows:
        key = ids.pair_id(selected.row.generator_id, row.prompt_id, 0)
        yield row.text, ids.item_seed(key)


def _prepare(folder: Path, count: int, side: int) -> None:
    folder.mkdir()
    texts = [caption(scene) for scene in sample_scenes(count, seed=7)]
    (folder / "prompts.txt").write_text("\n".join(texts) + "\n")
    (folder / "alignbench.toml").write_text(CONFIG % (side, side))
    read_prompts.fn(workspace=str(folder))


def _run(mode: str, setting: str, folder: Path) -> Measured:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "workspace"
        shutil.copytree(folder, copy)
        command = [sys.executable, "-m", "benchmarks.imagine", mode, setting, str(copy)]
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
