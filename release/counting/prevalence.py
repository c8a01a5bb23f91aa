"""How common verdicts are among all rows, and among those of the control sample alone.

Where votes are asked for as they are needed, a label that rests on two votes and one that rests on
five differ in how often they are *unknown* or *incorrect*. The control sample has what every row
would have with all votes, at the price of a wider interval.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.collect import GroupSums, Reals, control_rows, merged
from alignbench.release.agreement.intervals import Interval, intervals
from alignbench.release.columns.cells import Cell
from alignbench.release.columns.verdict_counts import VERDICTS

CONTROL_TABLE: Final = "prevalence_on_control"
SAMPLES: Final = ("all", "control")
_TOTAL: Final = "total"
_DIGITS: Final = 6
_COUNTED: Final = ["model", "image_id", "annotation"]
_VERDICT_NAMES: Final = [verdict.value for verdict in VERDICTS]


class Prevalence:
    """Verdicts counted by model and image, over all rows and over the control sample."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, GroupSums] = defaultdict(
            lambda: GroupSums(len(SAMPLES), len(VERDICTS))
        )
        self.is_partial = False
        """Whether some row is in no control sample, so that the two differ."""

    def add(self, rows: pa.Table) -> None:
        """Counts rows with `model`, `image_id`, `annotation` and `in_control`."""
        for place, chosen in enumerate((rows, control_rows(rows))):
            self.is_partial |= len(chosen) < len(rows)
            counted = chosen.group_by(_COUNTED).aggregate([([], "count_all")])
            codes = pc.index_in(counted["annotation"], value_set=pa.array(_VERDICT_NAMES))
            counted = counted.append_column("code", codes).drop_null()
            terms = np.zeros((len(counted), len(SAMPLES), len(VERDICTS)))
            terms[np.arange(len(counted)), place, counted["code"].to_numpy()] = counted["count_all"]
            for model in counted["model"].unique().to_pylist():
                of_model = pc.equal(counted["model"], model)
                images = counted["image_id"].filter(of_model).to_pylist()
                self._sums[model].add_rows(images, terms[of_model.to_numpy()])

    def rows(self) -> list[tuple[Cell, ...]]:
        """Returns the table: two rows a model, and two for all."""
        bounds = [f"{name}{end}" for name in _SHARES for end in ("", "_low", "_high")]
        table: list[tuple[Cell, ...]] = [("model", "sample", "sentences", *VERDICTS, *bounds)]
        total = merged(list(self._sums.values()), len(SAMPLES), len(VERDICTS))
        for model, sums in [*sorted(self._sums.items()), (_TOTAL, total)]:
            table += _of_model(model, sums)
        return table


_SHARES: Final = ("positive_percent", "unknown_percent")


def _of_model(model: str, sums: GroupSums) -> Iterator[tuple[Cell, ...]]:
    _, terms = sums.sums()
    for place, sample in enumerate(SAMPLES):
        of_sample = terms[:, place]
        counts = [round(count) for count in of_sample.sum(axis=0).tolist()]
        yield model, sample, sum(counts), *counts, *_cells(intervals(of_sample, _shares))


def _shares(sums: Reals) -> tuple[Reals, ...]:
    """Returns the share of correct ones among those that are known, and of unknown ones."""
    correct, incorrect, unknown = (sums[..., place] for place in range(len(VERDICTS)))
    with np.errstate(divide="ignore", invalid="ignore"):
        known = correct + incorrect
        return np.asarray(100 * correct / known), np.asarray(100 * unknown / (known + unknown))


def _cells(found: Sequence[Interval]) -> list[Cell]:
    values = [float(value) for interval in found for value in interval]
    return [None if math.isnan(value) else round(value, _DIGITS) for value in values]
