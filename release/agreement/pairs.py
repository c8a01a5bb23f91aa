"""Agreement of two annotators at a time, on the sentences that both voted on.

Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
Measurement 20(1), 1960.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.int64]
"""Sentences by the verdicts of a first (rows) and a second annotator (columns)."""


class PairAgreement(NamedTuple):
    """How two annotators agree.

    Attributes:
        sentences: How many both voted on; twice if they did so in two rounds.
        percent: Share of them with the same verdict.
        cohen_kappa: NaN where each always gave the same one verdict.
    """

    sentences: int
    percent: float
    cohen_kappa: float


class PairTables:
    """Counts verdicts of pairs of annotators, by key (a model) and pair."""

    def __init__(self, categories: int) -> None:
        self._categories = categories
        self._tables: defaultdict[tuple[str, str, str], Table] = defaultdict(
            lambda: np.zeros((categories, categories), dtype=np.int64)
        )

    def add(
        self,
        key: str,
        items: npt.NDArray[np.int64],
        annotators: npt.NDArray[np.str_],
        verdicts: npt.NDArray[np.int64],
    ) -> None:
        """Counts votes.

        Args:
            key: What they are counted under.
            items: Which item each vote is on; votes on one item come one after another, and all of
                them in this call.
            annotators: Who gave each.
            verdicts: As numbers of categories.
        """
        if len(items) < 2:
            return
        names, codes = np.unique(annotators, return_inverse=True)
        for gap in range(1, int(np.bincount(items - items.min()).max())):
            same = (items[gap:] == items[:-gap]) & (codes[gap:] != codes[:-gap])
            left, right = codes[:-gap][same], codes[gap:][same]
            first, second = verdicts[:-gap][same], verdicts[gap:][same]
            swapped = left > right
            pair = np.where(swapped, right, left) * len(names) + np.where(swapped, left, right)
            cell = np.where(swapped, second, first) * self._categories + np.where(
                swapped, first, second
            )
            self._count(key, names, pair * self._categories**2 + cell)

    def tables(self, key: str | None = None) -> dict[tuple[str, str], Table]:
        """Returns the counts of each pair, in order of their names: of one key or of all."""
        found: defaultdict[tuple[str, str], Table] = defaultdict(
            lambda: np.zeros((self._categories, self._categories), dtype=np.int64)
        )
        for (of, first, second), table in self._tables.items():
            if key in (None, of):
                found[first, second] = found[first, second] + table
        return dict(sorted(found.items()))

    def _count(self, key: str, names: npt.NDArray[np.str_], codes: npt.NDArray[np.int64]) -> None:
        cells = self._categories**2
        for code, times in zip(*np.unique(codes, return_counts=True), strict=True):
            pair, cell = divmod(int(code), cells)
            first, second = divmod(pair, len(names))
            table = self._tables[key, str(names[first]), str(names[second])]
            table[divmod(cell, self._categories)] += times


def pair_agreement(table: Table) -> PairAgreement:
    """Returns the agreement in a table of two annotators' verdicts."""
    total = int(table.sum())
    if not total:
        return PairAgreement(0, np.nan, np.nan)
    observed = float(np.trace(table)) / total
    chance = float(np.dot(table.sum(axis=0), table.sum(axis=1))) / total**2
    kappa = (observed - chance) / (1 - chance) if chance < 1 else np.nan
    return PairAgreement(total, observed, kappa)
