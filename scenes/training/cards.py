"""What is written beside trained weights: a model card, and the checksums of all files."""

import hashlib
import platform
from pathlib import Path

import torch

from alignbench.scenes.training.fitting import Fitted, Run
from alignbench.scenes.training.recipes import Recipe

CHECKSUMS = "SHA256SUMS"


def write_card(
    folder: Path, name: str, recipe: Recipe, run: Run, fitted: Fitted, seconds: float
) -> None:
    """Writes the card of the model in `folder`, with what its training took."""
    (folder / "README.md").write_text(
        f"""---
license: apache-2.0
language: en
library_name: {recipe.library}
pipeline_tag: {recipe.task}
---

# {name}

{recipe.summary}

A toy: it knows the drawn world of AlignBench's `scenes` package and nothing else. It was trained
from nothing, on drawings and sentences that the same package makes; no other data went into it. Its
mistakes are its own, and its training was kept short, so there are some.

| trained by | `python -m alignbench.scenes.train {name}` |
| --- | --- |
| steps | {fitted.steps} |
| scenes drawn | {run.scenes} |
| seed | {run.seed} |
| seconds, drawing and saving included | {seconds:.0f} |
| last loss | {fitted.loss} |
| on | {run.device}, {torch.get_num_threads()} threads, {platform.machine()} |
| torch | {torch.__version__} |

Weights are 16-bit floats and load as 32-bit ones. Figures: `python -m benchmarks.scenes`.
""",
        encoding="utf-8",
    )


def write_checksums(root: Path) -> None:
    """Writes the SHA-256 of every model's files into `root`, in the format of sha256sum."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in sorted(root.glob("*/**/*"))
        if path.is_file()
    ]
    (root / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
