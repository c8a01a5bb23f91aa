"""The tables of a release as figures, SVG and PNG.

Each file says which table it was drawn from, by the SHA-256 of its CSV text, so that `verify` can
tell a figure of other numbers without drawing it again. Nothing in a file tells when it was drawn.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from alignbench.release.columns.cells import Cell, to_csv
from alignbench.release_format.layout import FIGURES
from alignbench.reporting.figures import drawing_style, encoded
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.vocabulary import HallucinationType

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Sequence[Cell]]

FORMATS: Final = ("svg", "png")
_MARK: Final = re.compile(rb"table-sha256:([0-9a-f]{64})")
_COLOURS: Final = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#555555",
    "#ddaa33", "#004488",
)  # fmt: skip
"""Told apart by colour-blind readers too, after P. Tol."""


def figure_paths() -> dict[str, str]:
    """Returns the files of figures, and the name of the table that each is drawn from."""
    return {
        f"{FIGURES}/{name}.{kind}": table
        for name, (table, _) in _FIGURES.items()
        for kind in FORMATS
    }


def drawn_from(data: bytes) -> str | None:
    """Returns the SHA-256 of the table that a figure's file was drawn from; None if it says none.

    Args:
        data: The file.
    """
    found = _MARK.search(data)
    return found[1].decode() if found else None


def draw_figures(tables: Mapping[str, Rows]) -> Iterator[tuple[str, bytes]]:
    """Yields the path of each figure in the release, and its bytes.

    Raises:
        MissingExtraError: Matplotlib is not installed.
    """
    try:
        from matplotlib import figure as figures
    except ModuleNotFoundError:
        raise MissingExtraError(
            "The figures of a release need the package 'matplotlib', which is not installed.",
            "Install it: pip install 'alignbench[figures]', or set [release] figures = false.",
        ) from None
    with drawing_style():
        for name, (table, draw) in _FIGURES.items():
            figure = figures.Figure(layout="constrained")
            draw(figure, _records(tables[table]))
            mark = f"table-sha256:{sha256_hex(to_csv(tables[table]).encode())}"
            for kind in FORMATS:
                data = encoded(figure, kind, dpi=150, metadata={"Description": mark})
                yield f"{FIGURES}/{name}.{kind}", data


def _records(rows: Rows) -> list[dict[str, Any]]:
    names = [str(name) for name in rows[0]]
    return [dict(zip(names, row, strict=True)) for row in rows[1:]]


def _draw_sentences(figure: "Figure", rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["model"] != "total"]
    panels = {
        "sentences": "Sentences", "sentences_per_image": "Sentences per image",
        "positive_percent": "Correct (%)", "words_per_sentence": "Words per sentence",
    }  # fmt: skip
    figure.set_size_inches(10, 1.2 + 0.3 * len(rows))
    axes = figure.subplots(1, len(panels), sharey=True)
    for panel, (name, title) in zip(axes, panels.items(), strict=True):
        values = [row[name] or 0 for row in rows]
        panel.barh([row["model"] for row in rows], values, color=_COLOURS[0])
        panel.set_title(title, fontsize="medium")
        _plain(panel)
    axes[0].invert_yaxis()


def _draw_positions(figure: "Figure", rows: list[dict[str, Any]]) -> None:
    figure.set_size_inches(6, 4)
    axes = figure.subplots()
    places = list(dict.fromkeys(sorted(row["position"] for row in rows)))
    for number, model in enumerate(dict.fromkeys(row["model"] for row in rows)):
        chosen = [row for row in rows if row["model"] == model]
        chosen = [row for row in chosen if row["incorrect_percent"] is not None]
        axes.plot(
            [places.index(row["position"]) for row in chosen],
            [row["incorrect_percent"] for row in chosen],
            marker="o",
            color=_COLOURS[number % len(_COLOURS)],
            linestyle=("-", "--", ":")[number // len(_COLOURS) % 3],
            label=model,
        )
    axes.set_xticks(range(len(places)), places)
    axes.set_xlabel("Place of the sentence in its text")
    axes.set_ylabel("Incorrect (%)")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
    _plain(axes)


def _draw_types(figure: "Figure", rows: list[dict[str, Any]]) -> None:
    figure.set_size_inches(8, 1.6 + 0.35 * len(rows))
    axes = figure.subplots()
    kinds = [*(kind.value for kind in HallucinationType), "none"]
    left = [0.0] * len(rows)
    totals = [sum(row[kind] for kind in kinds) or 1 for row in rows]
    for kind, colour in zip(kinds, _COLOURS, strict=True):
        shares = [100 * row[kind] / total for row, total in zip(rows, totals, strict=True)]
        names = [row["model"] for row in rows]
        axes.barh(names, shares, left=left, color=colour, label=kind)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("Incorrect sentences by type (%)")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    _plain(axes)


def _draw_agreement(figure: "Figure", rows: list[dict[str, Any]]) -> None:
    names = {
        "fleiss_kappa": "Fleiss kappa", "krippendorff_alpha": "Krippendorff alpha",
        "gwet_ac1": "Gwet AC1",
    }  # fmt: skip
    figure.set_size_inches(7, 1.4 + 0.45 * len(rows))
    axes = figure.subplots()
    for number, (name, title) in enumerate(names.items()):
        known = [(place, row) for place, row in enumerate(rows) if row[f"{name}_low"] is not None]
        values = [row[name] for _, row in known]
        below = [max(0.0, row[name] - row[f"{name}_low"]) for _, row in known]
        above = [max(0.0, row[f"{name}_high"] - row[name]) for _, row in known]
        axes.errorbar(
            values,
            [place + 0.2 * (number - 1) for place, _ in known],
            xerr=[below, above],
            fmt="o",
            color=_COLOURS[number],
            label=title,
        )
    axes.set_yticks(range(len(rows)), [row["model"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("Agreement on verdicts, with 95 % intervals over images")
    axes.legend(fontsize="small")
    _plain(axes)


def _plain(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)


_FIGURES: Final[dict[str, tuple[str, Callable[["Figure", list[dict[str, Any]]], None]]]] = {
    "sentences_by_model": ("sentences_by_model", _draw_sentences),
    "error_rate_by_position": ("verdicts_by_position", _draw_positions),
    "types_by_model": ("types_by_model", _draw_types),
    "agreement_by_model": ("agreement_by_model", _draw_agreement),
}
