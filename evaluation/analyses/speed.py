"""How many pairs of a sentence and its image each detector scores in a second."""

from collections.abc import Mapping, Sequence

from alignbench.evaluation.analyses.analysis import COUNT, NUMBER, TEXT, Analysis, table_of
from alignbench.evaluation.scored import Scored

_SCHEMA = {"detector": TEXT, "pairs": COUNT, "pairs_a_second": NUMBER, "why_null": TEXT}


def speed(detectors: Sequence[Scored], seconds: Mapping[str, float | None]) -> Analysis:
    """Returns pairs a second; `seconds` is what a pair took on average, by detector."""
    rows = []
    for detector in detectors:
        took = seconds.get(detector.name)
        rows.append({
            "detector": detector.name,
            "pairs": int(detector.there.sum()),
            "pairs_a_second": 1 / took if took else None,
            "why_null": None if took else "No time was noted with its scores.",
        })  # fmt: skip
    return Analysis(
        "speed",
        "Pairs a second",
        "From the time that was noted with each score: from the first request behind the loading "
        "of the model, images decoded and read once. It is that of the machine, and of whatever "
        "else ran on it.",
        table_of(_SCHEMA, rows),
        None,
    )
