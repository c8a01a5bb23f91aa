"""The files of `statistics/`: every table of a release, from its counts."""

from typing import Final

from alignbench.release.agreement.by_unit import AgreementByUnit
from alignbench.release.agreement.tables import pair_rows, span_rows, verdict_rows
from alignbench.release.columns.cells import Cell
from alignbench.release.counting.image_counts import ImageCounter
from alignbench.release.counting.statistics import Statistics
from alignbench.release.labels.stopping import STOPPING_TABLE, StoppingVotes, until_rows
from alignbench.release_format.layout import STATISTICS

SPAN_TABLE: Final = "span_agreement"
"""The table that takes spaCy to make."""

Tables = dict[str, list[tuple[Cell, ...]]]


def release_tables(
    statistics: Statistics,
    images: ImageCounter,
    agreement: AgreementByUnit,
    stopping: StoppingVotes | None = None,
) -> Tables:
    """Returns the tables of a release by name, each with a heading."""
    checks = stopping.checks() if stopping is not None else []
    return {
        **statistics.tables(),
        **({STOPPING_TABLE: until_rows(checks)} if checks else {}),
        "images_by_source": images.rows(),
        "agreement_by_model": agreement.rows(verdict_rows),
        "annotator_pairs": agreement.rows(pair_rows),
        SPAN_TABLE: agreement.rows(span_rows),
    }


def table_path(name: str) -> str:
    """Returns where a table lies in the release."""
    return f"{STATISTICS}/{name}.csv"
