"""How often calibrated means hold the truth, with judges that are biased, unbiased and useless.

Answers and judges are drawn from a stated model (`tests.judging.simulated_judgements`). With a file
of Likert annotations of DSG (`tifa160-likert-anns.csv`), the same with real ratings: the mean of
five raters is the truth, and one of them the judge.

    python -m benchmarks.calibration [--repetitions 2000] [--likert FILE]
"""

import argparse
from itertools import product
from pathlib import Path

from alignbench.judging.calibration.rated_sample import Unit
from alignbench.judging.calibration.stratified import Estimand
from tests.judging.likert import likert_coverage, read_likert
from tests.judging.simulated_judgements import JUDGES, Setting, coverage

SETTINGS = (Setting(), Setting(unit=Unit.CLUSTER, units=40))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--likert", type=Path)
    arguments = parser.parse_args()
    print("| rated | holds for | judge | covered | width | beside people alone |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for setting, estimand, judge in product(SETTINGS, Estimand, JUDGES):
        found = coverage(setting, judge, estimand, arguments.repetitions, seed=1)
        print(
            f"| {setting.units} {setting.unit.value}s | {estimand.value} | {judge} "
            f"| {found.covered:.3f} | {found.width:.3f} | {found.relative_width:.2f} |",
            flush=True,
        )
    if arguments.likert is None:
        return
    print("\n| model | rated | covered | beside people alone |")
    print("| --- | ---: | ---: | ---: |")
    for model, ratings in read_likert(arguments.likert).items():
        for rated in (40, 60):
            found = likert_coverage(ratings, rated, arguments.repetitions, seed=1)
            print(
                f"| {model} | {rated} of {len(ratings)} | {found.covered:.3f} "
                f"| {found.relative_width:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
