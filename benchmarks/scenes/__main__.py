"""Measures and prints; see the package."""

import argparse
from pathlib import Path

from alignbench import scenes
from alignbench.scenes.sampling import sample_scenes
from benchmarks.scenes.captioning import captions, print_captioner, print_error_types
from benchmarks.scenes.drawing import print_images
from benchmarks.scenes.labelling import print_labels
from benchmarks.scenes.reading import print_oracle
from benchmarks.scenes.scoring import print_scores

CAPTIONERS = ("scenes-blip", "scenes-ved")
SEED = 2_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--weights", type=Path, default=Path(scenes.__path__[0]) / "weights")
    arguments = parser.parse_args()
    drawn = list(sample_scenes(arguments.scenes, SEED))
    print("| figure | of | 95 % interval |\n| ---: | --- | --- |")
    print_oracle(drawn)
    captioned = {name: captions(arguments.weights / name, drawn) for name in CAPTIONERS}
    for name, written in captioned.items():
        print_captioner(name, written)
    print_images(arguments.weights / "scenes-diffusion", arguments.prompts, SEED)
    print_scores(arguments.weights / "scenes-clip", captioned)
    print_labels(captioned)
    for name, written in captioned.items():
        print_error_types(name, written)


if __name__ == "__main__":
    main()
