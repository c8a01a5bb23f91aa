"""What an evaluation found, as a program takes it: tables, figures, and scores by sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.schemas.errors import UnknownNameError
from alignbench.schemas.registry import suggestion

if TYPE_CHECKING:
    import pandas as pd

_OF_SENTENCE = ("sentence_id", "image_id", "model", "caption", "annotation")


class SvgFigure(NamedTuple):
    """A figure, which a notebook shows as it is."""

    svg: bytes

    def _repr_svg_(self) -> str:
        return self.svg.decode()

    def save(self, path: str | Path) -> None:
        """Writes it to a file."""
        Path(path).write_bytes(self.svg)


class Results(NamedTuple):
    """Tables and figures of an evaluation.

    Attributes:
        analyses: The analyses; each has a title, and notes that must be read with its table.
        detectors: The scores of each detector.
        sentences: What was scored.
    """

    analyses: Sequence[Analysis]
    detectors: Sequence[Scored]
    sentences: Sentences

    @property
    def names(self) -> list[str]:
        """The names of the tables, such as `auroc_by_model`."""
        return [analysis.name for analysis in self.analyses]

    def analysis(self, name: str) -> Analysis:
        """Returns an analysis.

        Raises:
            UnknownNameError: There is none of that name; the nearest is named.
        """
        for analysis in self.analyses:
            if analysis.name == name:
                return analysis
        raise UnknownNameError(f"There is no table {name!r}.", suggestion(name, self.names))

    def table(self, name: str) -> pa.Table:
        """Returns a table; raises as `analysis` does."""
        return self.analysis(name).table

    def to_pandas(self, name: str) -> "pd.DataFrame":
        """Returns a table as a pandas frame; raises as `analysis` does."""
        frame: pd.DataFrame = self.table(name).to_pandas()
        return frame

    def figure(self, name: str) -> SvgFigure | None:
        """Returns the figure of an analysis; None if it has none. Raises as `analysis` does."""
        from alignbench.evaluation.figures.figure import svg  # Matplotlib is an extra

        drawn = svg(self.analysis(name))
        return None if drawn is None else SvgFigure(drawn)

    def scores(self) -> pa.Table:
        """Returns the sentences with a column of scores for each detector, null where it has none.

        The columns before are `sentence_id`, `image_id`, `model`, `caption` and `annotation`.
        """
        table = self.sentences.table.select(list(_OF_SENTENCE))
        for detector in self.detectors:
            scores = pa.array(detector.scores, pa.float64(), from_pandas=True)
            table = table.append_column(f"score:{detector.name}", scores)
        return table
