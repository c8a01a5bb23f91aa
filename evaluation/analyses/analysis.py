"""What an analysis gives: a table, what is to be drawn of it, and what must be said beside it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from alignbench.reporting.jackknife import Estimate
from alignbench.reporting.matrix import Matrix


class Dots(NamedTuple):
    """Dots with intervals `low` and `high`; names of columns of the table.

    A panel for each group, with a line for each series; few series stand in one panel together.
    """

    groups: str
    series: str
    value: str
    label: str
    reference: float | None = None


class Radar(NamedTuple):
    """A small radar for each series, with a spoke for each group, from `reference` outwards."""

    groups: str
    series: str
    value: str
    label: str
    reference: float | None = None


class Lines(NamedTuple):
    """Lines with bands `low` and `high`, a panel for each value of `panels`.

    Without panels, many series have a panel each, in which the others are grey.
    """

    x: str
    series: str
    value: str
    label: str
    x_label: str
    panels: str | None = None


class Heatmap(NamedTuple):
    """A coloured matrix with its values written in; those of a column `self` are bold.

    Attributes:
        centre: The value at which colours turn.
        percent: Whether values are written in percent.
    """

    rows: str
    columns: str
    value: str
    label: str
    centre: float = 1.0
    percent: bool = False


class Scatter(NamedTuple):
    """Points with their names beside them."""

    x: str
    y: str
    names: str
    x_label: str
    label: str


Figure = Dots | Radar | Lines | Heatmap | Scatter


class Analysis(NamedTuple):
    """A finished analysis.

    Attributes:
        name: Of its files, such as `auroc_by_model`.
        title: Its heading.
        method: How it was computed, in a few sentences.
        table: The result; a null is a result that cannot be had.
        figure: What is to be drawn of the table, if anything.
        notes: What a reader must know of this very result.
        drawn: The rows that are drawn, and turned, where not all are.
        matrix: How a paper prints it, where that is not row by row.
    """

    name: str
    title: str
    method: str
    table: pa.Table
    figure: Figure | None
    notes: tuple[str, ...] = ()
    drawn: pa.Table | None = None
    matrix: Matrix | None = None

    @property
    def told(self) -> pa.Table:
        """The rows that figure and matrix are made of."""
        return self.table if self.drawn is None else self.drawn


def with_interval(
    columns: Mapping[str, Any], key: str, estimate: Estimate | None
) -> dict[str, Any]:
    """Returns a row with a figure, under `key`, and its interval, under `low` and `high`.

    Why there is no interval stands under `why_null`, unless the row says already why there is no
    figure.
    """
    if estimate is None or math.isnan(estimate.value):
        return {**columns, key: None, "low": None, "high": None}
    low, high, why_null = estimate.interval()
    found = {key: estimate.value, "low": low, "high": high, "why_null": why_null}
    return {**columns, **found}


def class_images(estimate: Estimate | None) -> dict[str, int]:
    """Returns how many images hold correct, and how many hold incorrect sentences."""
    counts = [sample.clusters for sample in estimate.samples] if estimate else []
    return dict(zip(CLASS_IMAGES, counts or [0, 0], strict=True))


def table_of(schema: Mapping[str, pa.DataType], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Returns rows as a table of declared columns."""
    fields = pa.schema([pa.field(name, kind) for name, kind in schema.items()])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=fields)


TEXT, NUMBER, COUNT, FLAG = pa.string(), pa.float64(), pa.int64(), pa.bool_()
INTERVAL: Mapping[str, pa.DataType] = {"low": NUMBER, "high": NUMBER, "why_null": TEXT}
CLASS_IMAGES: Mapping[str, pa.DataType] = {"correct_images": COUNT, "incorrect_images": COUNT}
