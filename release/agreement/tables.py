"""The agreement tables of a release, as rows of cells."""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from alignbench.release.agreement.coefficients import coefficients
from alignbench.release.agreement.collect import (
    KNOWN_TERMS,
    VERDICT_TERMS,
    AgreementCounts,
    GroupSums,
    merged,
)
from alignbench.release.agreement.intervals import Interval, Reals, intervals
from alignbench.release.agreement.pairs import pair_agreement
from alignbench.release.agreement.spans import KINDS, TERMS, span_coefficients
from alignbench.release.columns.cells import Cell

ALL: Final = "all"
"""Stands for all models together."""

BOUNDS: Final = ("_low", "_high")
"""How the names of columns end that hold the bounds of an interval."""

_DIGITS: Final = 6
_FIGURES: Final = (
    "percent_agreement", "fleiss_kappa", "krippendorff_alpha", "gwet_ac1",
    "krippendorff_alpha_known",
)  # fmt: skip
_SPAN_FIGURES: Final = ("krippendorff_alpha", "exact_f1", "overlap_f1")

Rows = list[tuple[Cell, ...]]


def verdict_rows(counts: AgreementCounts) -> Rows:
    """Returns agreement on verdicts: a row for each model and one for all, with intervals.

    `krippendorff_alpha_known` takes *unknown* for a missing answer; the other figures take it for
    a third verdict.
    """
    rows: Rows = [("model", "sentences", "votes", *_with_bounds(_FIGURES))]
    of_all = merged(list(counts.verdicts.values()), VERDICT_TERMS + KNOWN_TERMS)
    for model, sums in [*((m, counts.verdicts[m]) for m in counts.models), (ALL, of_all)]:
        _, terms = sums.sums()
        total = terms.sum(axis=0)
        votes = total[3 : 3 + (VERDICT_TERMS - 4) // 2].sum()
        found = intervals(terms, _verdict_figures)
        rows.append((model, round(total[0]), round(votes), *_cells(found)))
    return rows


def span_rows(counts: AgreementCounts) -> Rows:
    """Returns agreement on spans: a row for each model and for all, and each type and any."""
    rows: Rows = [("model", "type", "sentences", *_with_bounds(_SPAN_FIGURES))]
    of_all = merged(list(counts.spans.values()), len(KINDS), TERMS)
    for model, sums in [*_sorted(counts.spans), (ALL, of_all)]:
        _, terms = sums.sums()
        found = intervals(terms, span_coefficients)
        for place, kind in enumerate(KINDS):
            of_kind = [Interval(*(bound[place] for bound in figure)) for figure in found]
            rows.append((model, kind, round(terms[:, place, -1].sum()), *_cells(of_kind)))
    return rows


def pair_rows(counts: AgreementCounts) -> Rows:
    """Returns agreement of each two annotators: for each model and for all."""
    rows: Rows = [
        ("model", "annotator_1", "annotator_2", "sentences", "percent_agreement", "cohen_kappa")
    ]
    for model in [*counts.models, None]:
        for (first, second), table in counts.pairs.tables(model).items():
            found = pair_agreement(table)
            figures = _cell(found.percent), _cell(found.cohen_kappa)
            rows.append((model or ALL, first, second, found.sentences, *figures))
    return rows


def _verdict_figures(sums: Reals) -> tuple[Reals, ...]:
    known = coefficients(sums[..., VERDICT_TERMS:])
    return (*coefficients(sums[..., :VERDICT_TERMS]), known.krippendorff_alpha)


def _sorted(sums: dict[str, GroupSums]) -> list[tuple[str, GroupSums]]:
    return sorted(sums.items(), key=lambda item: item[0])


def _with_bounds(names: tuple[str, ...]) -> list[str]:
    return [f"{name}{bound}" for name in names for bound in ("", *BOUNDS)]


def _cells(found: Iterable[Interval]) -> list[Cell]:
    return [_cell(float(value)) for interval in found for value in interval]


def _cell(value: float) -> Cell:
    return None if math.isnan(value) else float(np.round(value, _DIGITS))
