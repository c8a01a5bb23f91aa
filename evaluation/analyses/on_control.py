"""AUROC on the control sample beside that on all sentences, of rounds that stop when sure."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Dots,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import (
    INTERVAL_METHOD,
    MEAN,
    POOLED,
    ModelAuroc,
    model_auroc,
)
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools

_SCHEMA: Final = {
    "detector": TEXT,
    "over": TEXT,
    "sentences_of": TEXT,
    "sentences": COUNT,
    "correct_percent": NUMBER,
    "auroc": NUMBER,
    **INTERVAL,
}
_ALL, _CONTROL = "all", "control"
_NONE_THERE: Final = "No model has both classes in it."


def control_sample(sentences: Sentences) -> Bools | None:
    """Returns which sentences are in the control sample; None where all are, or nobody says."""
    if "in_control" not in sentences.table.column_names:
        return None
    known = sentences.table["in_control"]
    inside = pc.fill_null(known, True).to_numpy(zero_copy_only=False).astype(np.bool_)
    return None if inside.all() else inside


def on_control(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
    inside: Bools,
) -> Analysis:
    """Returns each detector's AUROC on all sentences and on those of the control sample.

    Args:
        sentences: Of the release.
        detectors: Whose scores say something.
        aurocs: Of each detector on all sentences.
        inside: Which sentences are in the control sample.
    """
    rows: list[dict[str, Any]] = []
    for detector, on_all in zip(detectors, aurocs, strict=True):
        of_control = model_auroc(sentences, detector.scores, among=inside)
        for name, found, chosen in (
            (_ALL, on_all, detector.there),
            (_CONTROL, of_control, detector.there & inside),
        ):
            count = int(chosen.sum())
            correct = int(sentences.correct[chosen].sum())
            for over, estimate in ((MEAN, found.mean()), (POOLED, found.pooled)):
                columns = {
                    "detector": detector.name,
                    "over": over,
                    "sentences_of": name,
                    "sentences": count,
                    "correct_percent": 100 * correct / count if count else None,
                    "why_null": _NONE_THERE if np.isnan(estimate.value) else None,
                }
                rows.append(with_interval(columns, "auroc", estimate))
    return Analysis(
        "auroc_on_control",
        "AUROC on the control sample",
        "In this release votes were asked for as they were needed: most labels rest on the first "
        "votes, and further people were asked where these left a doubt. The sentences of the "
        "control sample, images drawn by chance, got all votes in any case. AUROC and the share of "
        "correct sentences on these alone are what every sentence would give with all votes; where "
        "the two differ by more than the intervals allow, report the control sample. "
        f"{INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        Dots("sentences_of", "detector", "auroc", "AUROC", 0.5),
        drawn=table_of(_SCHEMA, [row for row in rows if row["over"] == MEAN]),
    )
