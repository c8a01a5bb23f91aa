"""How often a 95 % interval of AUROC holds the truth, and how often p < .05 where nothing differs.

Data are drawn from a stated model in which images have effects on scores and on labels
(`tests.evaluation.clustered_scores`).

    python -m benchmarks.intervals [--repetitions 2000]
"""

import argparse
from itertools import product

from tests.evaluation.clustered_scores import Setting, coverage

IMAGES, AUROCS, CORRECT = (12, 34, 100), (0.64, 0.80, 0.94), (0.8, 0.9)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    print("| images | AUROC | correct | with an interval | covered | p < .05 in vain |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for number, setting in enumerate(product(IMAGES, AUROCS, CORRECT)):
        found = coverage(Setting(*setting), repetitions, seed=number)
        images, auroc, correct = setting
        print(
            f"| {images} | {auroc:.2f} | {correct:.0%} | {found.intervals / repetitions:.1%} "
            f"| {found.covered:.3f} | {found.false_differences:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
