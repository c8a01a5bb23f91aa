"""How much a detector's result depends on the prompt that it is asked with."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import INTERVAL_METHOD, ModelAuroc, common_models
from alignbench.evaluation.scores.scored import Scored

_SCHEMA: Final = {
    "detectors": TEXT,
    "prompts": COUNT,
    "mean": NUMBER,
    "standard_deviation": NUMBER,
    "lowest": NUMBER,
    "lowest_with": TEXT,
    "highest": NUMBER,
    "highest_with": TEXT,
    "spread": NUMBER,
    **INTERVAL,
}


def by_prompt(detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc]) -> Analysis:
    """Returns a row for each model that was asked with several prompts.

    Args:
        detectors: Those with a result; those of one model differ by their prompt alone.
        aurocs: Of each.
    """
    groups: dict[str, list[int]] = {}
    for place, detector in enumerate(detectors):
        if detector.running.model is not None:
            groups.setdefault(detector.running.model, []).append(place)
    rows = []
    for places in groups.values():
        if len(places) < 2:
            continue
        models = common_models([aurocs[place] for place in places])
        means = [aurocs[place].mean(models) for place in places]
        values = np.array([mean.value for mean in means])
        if not np.isfinite(values).all():
            continue
        low, high = int(np.argmin(values)), int(np.argmax(values))
        columns = {
            "detectors": ", ".join(detectors[place].name for place in places),
            "prompts": len(places),
            "mean": float(values.mean()),
            "standard_deviation": float(values.std(ddof=1)),
            "lowest": float(values[low]),
            "lowest_with": detectors[places[low]].name,
            "highest": float(values[high]),
            "highest_with": detectors[places[high]].name,
        }
        rows.append(with_interval(columns, "spread", means[high] - means[low]))
    return Analysis(
        "by_prompt",
        "One model, several prompts",
        "Mean AUROC over generating models of detectors that differ by their prompt alone: mean, "
        "standard deviation, and the spread from the lowest to the highest, which is the highest "
        "of several and so somewhat too large. A result of one prompt says that much less of the "
        f"model. {INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        None,
        () if rows else ("No model was asked with several prompts.",),
    )
