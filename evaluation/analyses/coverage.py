"""What came of each detector: how many sentences have a score, and why others have none."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from alignbench.evaluation.analyses.analysis import COUNT, NUMBER, TEXT, Analysis, table_of
from alignbench.evaluation.scores.scored import Scored
from alignbench.schemas.vocabulary import ScoreStatus

_SCHEMA = {
    "detector": TEXT,
    "sentences": COUNT,
    "scored": COUNT,
    "windowed": COUNT,
    "invalid": COUNT,
    "failed": COUNT,
    "missing": COUNT,
    "distinct": COUNT,
    "lowest": NUMBER,
    "highest": NUMBER,
    "usable": TEXT,
    "first_reason": TEXT,
}


def coverage(detectors: Sequence[Scored]) -> Analysis:
    """Returns counts of usable and unusable scores of each detector."""
    rows = [_row(detector) for detector in detectors]
    notes = [
        f"{detector.name}: {reason} It has no results."
        for detector in detectors
        if (reason := detector.says_nothing) is not None
    ]
    for detector in detectors:
        notes += _notes(detector)
    return Analysis(
        "coverage",
        "Which scores are there",
        "`scored` counts sentences with a finite score; `windowed` those scored in parts; "
        "`invalid` NaN or infinite scores; `failed` sentences that the detector failed on; "
        "`missing` those that it was never asked about. Only finite scores are counted anywhere. "
        "A detector that gives every sentence the same score has no result.",
        table_of(_SCHEMA, rows),
        None,
        tuple(notes),
    )


def _notes(detector: Scored) -> Iterator[str]:
    lost = int(np.count_nonzero(~detector.there))
    if lost and detector.says_nothing is None:
        reason = next(iter(detector.reasons), "It was never asked about them.")
        yield (
            f"{detector.name}: {lost:,} of {len(detector.scores):,} sentences "
            f"({lost / len(detector.scores):.1%}) have no usable score and are left out of its "
            f"results. First reason: {reason}"
        )
    if windowed := detector.status.count(ScoreStatus.WINDOWED):
        yield (
            f"{detector.name}: {windowed:,} sentences are longer than the model reads and were "
            "scored in parts."
        )


def _row(detector: Scored) -> dict[str, object]:
    counts = Counter(detector.status)
    found = detector.scores[detector.there]
    return {
        "detector": detector.name,
        "sentences": len(detector.scores),
        "scored": counts[ScoreStatus.SCORED],
        "windowed": counts[ScoreStatus.WINDOWED],
        "invalid": counts[ScoreStatus.INVALID],
        "failed": counts[ScoreStatus.FAILED],
        "missing": counts[""],
        "distinct": len(np.unique(found)),
        "lowest": float(found.min()) if len(found) else None,
        "highest": float(found.max()) if len(found) else None,
        "usable": "no" if detector.says_nothing else "yes",
        "first_reason": next(iter(detector.reasons), None),
    }
