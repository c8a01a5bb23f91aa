"""Figures by Matplotlib whose bytes depend on what is drawn, and on nothing else."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIXED: Final = {"svg.hashsalt": "alignbench", "svg.fonttype": "none"}
_TELLS_WHEN: Final = {"svg": "Date", "png": "Software"}
"""What Matplotlib writes of when, and by which version of it, a figure was drawn."""


@contextmanager
def drawing_style(style: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Makes figures look the same whatever the reader's own settings of Matplotlib.

    Args:
        style: Settings beside Matplotlib's defaults.
    """
    import matplotlib as mpl  # an extra

    settings = {**mpl.rcParamsDefault, **_FIXED, **(style or {})}
    settings.pop("backend", None)
    with mpl.rc_context(settings):
        yield


def report_style() -> dict[str, Any]:
    """Returns how the figures of reports look; what is written in them is no mathematics."""
    from matplotlib.rcsetup import cycler

    return {
        "text.parse_math": False,
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
        "axes.prop_cycle": cycler(
            color=["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
        ),  # Okabe and Ito, told apart by the colour-blind
    }


def encoded(figure: "Figure", kind: str = "svg", **options: Any) -> bytes:
    """Returns a figure as a file that does not tell when it was drawn.

    Args:
        figure: The figure, drawn within `drawing_style`.
        kind: `svg` or `png`.
        options: Of `Figure.savefig`; its `metadata` stands in the file.
    """
    metadata = {_TELLS_WHEN[kind]: None, **options.pop("metadata", {})}
    data = io.BytesIO()
    figure.savefig(data, format=kind, metadata=metadata, **options)
    return data.getvalue()
