"""Trains the tiny models of the drawn world from nothing; see `scenes/weights/README.md`.

python -m alignbench.scenes.train [MODEL ...] [--device cuda] [--threads N] [--out FOLDER]
"""

import argparse
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch

from alignbench.scenes.training.cards import write_card, write_checksums
from alignbench.scenes.training.recipes import RECIPES

_WEIGHTS = Path(__file__).parent / "weights"


def main() -> None:
    """Trains the models named, or all, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help=f"default: {', '.join(RECIPES)}")
    parser.add_argument("--device", default="cpu", help="a torch device")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the processor")
    parser.add_argument("--out", type=Path, default=_WEIGHTS, help="folder of the models' folders")
    arguments = parser.parse_args()
    for name in arguments.models:
        if name not in RECIPES:
            parser.error(f"no model is called {name}; there are {', '.join(RECIPES)}")
    torch.set_num_threads(arguments.threads)
    for name in arguments.models or RECIPES:
        recipe = RECIPES[name]
        run = replace(recipe.run, device=arguments.device)
        torch.manual_seed(run.seed)
        folder = arguments.out / name
        shutil.rmtree(folder, ignore_errors=True)
        started = time.monotonic()
        fitted = recipe.train(folder, run)
        write_card(folder, name, recipe, run, fitted, time.monotonic() - started)
        write_checksums(arguments.out)


if __name__ == "__main__":
    main()
