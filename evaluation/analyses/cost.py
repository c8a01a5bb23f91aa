"""How fast each detector is, and what a thousand sentences take of time and money."""

from collections.abc import Sequence
from typing import Final

from alignbench.evaluation.analyses.analysis import NUMBER, TEXT, Analysis, table_of
from alignbench.evaluation.scores.scored import Scored

_SCHEMA: Final = {
    "detector": TEXT,
    "pairs_a_second": NUMBER,
    "seconds_per_1000": NUMBER,
    "dollars_per_1000": NUMBER,
    "priced_by": TEXT,
}


def cost(detectors: Sequence[Scored]) -> Analysis:
    """Returns seconds and dollars for a thousand sentences of each detector that was run."""
    rows = []
    for detector in detectors:
        seconds = detector.running.seconds
        row = {
            "detector": detector.name,
            "pairs_a_second": 1 / seconds if seconds else None,
            "seconds_per_1000": None if seconds is None else 1000 * seconds,
            "dollars_per_1000": detector.running.dollars,
            "priced_by": detector.running.priced_by,
        }
        rows.append(row)
    return Analysis(
        "cost",
        "Time and cost of 1,000 sentences",
        "Seconds as measured when the sentences were scored, on whatever machine that was, without "
        "loading the model; null for scores that were read from a file. Dollars by the list price "
        "of tokens in the catalog, with an image's and an answer's tokens as estimates and "
        "without thoughts, or else by the price of an hour that `--dollars-per-hour` gives.",
        table_of(_SCHEMA, rows),
        None,
    )
