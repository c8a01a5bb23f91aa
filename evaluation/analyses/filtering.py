"""What is left of the noise in a data set when the sentences with the lowest scores go."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Lines,
    table_of,
    with_interval,
)
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.clustered import mean_of

SHARES: Final = tuple(np.round(np.linspace(1.0, 0.05, 20), 2).tolist())
"""Shares of the sentences that are kept."""

_SCHEMA = {
    "detector": TEXT,
    "kept_share": NUMBER,
    "threshold": NUMBER,
    "kept": COUNT,
    "incorrect_kept": COUNT,
    "incorrect_share": NUMBER,
    **INTERVAL,
    "incorrect_left": NUMBER,
}


def filtering(sentences: Sentences, detectors: Sequence[Scored]) -> Analysis:
    """Returns the share of incorrect sentences among those that a threshold keeps."""
    images = len(sentences.image.names)
    rows = []
    for detector in detectors:
        there = detector.there
        order = np.argsort(-detector.scores[there], kind="stable")
        scores = detector.scores[there][order]
        wrong = (~sentences.correct[there])[order].astype(np.float64)
        image = sentences.image.codes[there][order]
        wanted = np.array([max(1, round(share * len(scores))) for share in SHARES])
        # Sentences of one score are kept or dropped together.
        kept = np.searchsorted(-scores, -scores[wanted - 1], side="right")
        for place, count in enumerate(kept.tolist()):
            if place and count == kept[place - 1]:
                continue
            left = float(wrong[:count].sum())
            columns = {
                "detector": detector.name,
                "kept_share": count / len(scores),
                "threshold": float(scores[count - 1]),
                "kept": count,
                "incorrect_kept": int(left),
                "incorrect_left": left / wrong.sum() if wrong.any() else None,
            }
            share = mean_of(wrong[:count], image[:count], images)
            share = replace(share, is_share=True)
            rows.append(with_interval(columns, "incorrect_share", share))
    return Analysis(
        "filtering",
        "Filtering by score",
        "Share of incorrect sentences among those with a score of at least the threshold, for "
        "thresholds that keep 100 %, 95 %, … of the sentences. `incorrect_left` is the share of "
        "all incorrect sentences that is still there.",
        table_of(_SCHEMA, rows),
        Lines("kept_share", "detector", "incorrect_share", "incorrect", "share kept"),
    )
