"""Figures of a report as SVG; the same table gives the same bytes."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib import rcParams
from matplotlib.figure import Figure as Canvas

from alignbench.judging.report.parts import Part
from alignbench.models.answers.scores import ScoreScale
from alignbench.reporting.figures import drawing_style, encoded, report_style

MOST_MODELS: Final = 30
"""More models than that cannot be told apart in a figure; the table has them all."""
_LONGEST: Final = 28
_LINES: Final = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"), ("-", "x"))
"""Lines and marks, one pair for each round of the colours."""


def figure_of(part: Part, scale: ScoreScale) -> bytes | None:
    """Returns the figure of a section, of the first judge; None if it has none."""
    draw = {
        "leaderboard": _scatter,
        "categories": _radar,
        "tasks": _heat_map,
        "calibrated": _calibrated,
    }.get(part.name)
    if draw is None or not len(part.table):
        return None
    table = part.table.filter(pc.equal(part.table["judge"], part.table["judge"][0]))
    with drawing_style(report_style()):
        canvas = draw(table, scale)
        return None if canvas is None else encoded(canvas, metadata={"Creator": None})


def _scatter(table: pa.Table, scale: ScoreScale) -> Canvas | None:
    """Draws consistency against quality."""
    rows = [row for row in table.to_pylist() if None not in (row["macro"], row["consistency"])]
    if not rows:
        return None
    canvas = Canvas(figsize=(6.0, 4.2))
    axes = canvas.subplots()
    for row in rows[:MOST_MODELS]:
        axes.errorbar(
            row["macro"],
            row["consistency"],
            xerr=_bars(row, "macro"),
            yerr=_bars(row, "consistency"),
            fmt="o",
            capsize=2,
            elinewidth=0.8,
        )
        axes.annotate(
            _short(row["model"]), (row["macro"], row["consistency"]), (4, 4),
            textcoords="offset points",
        )  # fmt: skip
    axes.set_xlabel(f"macro mean, {scale}")
    axes.set_ylabel("consistency")
    return canvas


def _radar(table: pa.Table, scale: ScoreScale) -> Canvas | None:
    """Draws the categories around a circle; fewer than three make no area."""
    by_model = _by_model(table, "category")
    there = {category for means in by_model.values() for category in means}
    categories = [one for one in dict.fromkeys(table["category"].to_pylist()) if one in there]
    if len(categories) < 3:
        return None
    turns = np.linspace(0, 2 * np.pi, len(categories), endpoint=False)
    canvas = Canvas(figsize=(6.4, 4.6))
    axes = canvas.subplots(subplot_kw={"projection": "polar"})
    colours = len(rcParams["axes.prop_cycle"])
    for number, (model, means) in enumerate(list(by_model.items())[:MOST_MODELS]):
        values = [means.get(category, np.nan) for category in categories]
        line, marker = _LINES[number // colours % len(_LINES)]
        axes.plot(
            [*turns, turns[0]], [*values, values[0]], line, marker=marker, label=_short(model)
        )
    axes.set_xticks(turns, [_short(category) for category in categories])
    axes.set_ylim(scale.lowest, scale.highest)
    canvas.legend(loc="outside right upper")
    return canvas


def _calibrated(table: pa.Table, scale: ScoreScale) -> Canvas | None:
    """Draws macro means with their intervals, calibrated and by people alone."""
    rows = [
        row
        for row in table.to_pylist()
        if row["figure"] == "macro" and row["holds for"] == "these questions"
        and row["mean"] is not None
    ][:MOST_MODELS]  # fmt: skip
    if not rows:
        return None
    canvas = Canvas(figsize=(6.4, 0.5 * len(rows) + 1.4))
    axes = canvas.subplots()
    places = np.arange(len(rows), dtype=np.float64)
    for name, label, shift in (("mean", "calibrated", -0.12), ("people", "people alone", 0.12)):
        there = [(place, row) for place, row in zip(places, rows, strict=True)
                 if None not in (row[name], row[f"{name}_low"])]  # fmt: skip
        axes.errorbar(
            [row[name] for _, row in there],
            [place + shift for place, _ in there],
            xerr=[
                [row[name] - row[f"{name}_low"] for _, row in there],
                [row[f"{name}_high"] - row[name] for _, row in there],
            ],
            fmt="o",
            capsize=2,
            elinewidth=0.8,
            label=label,
        )
    axes.set_yticks(places, [_short(row["model"]) for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"macro mean, {scale}")
    canvas.legend(loc="outside right upper")
    return canvas


def _heat_map(table: pa.Table, scale: ScoreScale) -> Canvas | None:
    """Draws models by tasks."""
    tasks = list(dict.fromkeys(table["task"].to_pylist()))
    by_model = dict(list(_by_model(table, "task").items())[:MOST_MODELS])
    if not by_model:
        return None
    values = np.array([[means.get(task, np.nan) for task in tasks] for means in by_model.values()])
    canvas = Canvas(figsize=(0.6 * len(tasks) + 3, 0.35 * len(by_model) + 2))
    axes = canvas.subplots()
    drawn = axes.imshow(
        values, vmin=scale.lowest, vmax=scale.highest, cmap="viridis", aspect="auto"
    )
    axes.set_xticks(range(len(tasks)), [_short(task) for task in tasks], rotation=40, ha="right")
    axes.set_yticks(range(len(by_model)), [_short(model) for model in by_model])
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            dark = value < (scale.lowest + scale.highest) / 2
            axes.text(
                column, row, f"{value:.1f}", ha="center", va="center",
                color="white" if dark else "black",
            )  # fmt: skip
    canvas.colorbar(drawn, ax=axes, label="mean score")
    return canvas


def _by_model(table: pa.Table, column: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in table.to_pylist():
        if row["mean"] is not None:
            found.setdefault(row["model"], {})[row[column]] = row["mean"]
    return found


def _bars(row: dict[str, Any], name: str) -> list[list[float]] | None:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return None if low is None or high is None else [[row[name] - low], [high - row[name]]]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
