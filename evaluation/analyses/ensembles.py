"""Two detectors as one: whether their mean tells more than the better of them."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from scipy.stats import rankdata

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
    ModelAuroc,
    common_models,
    model_auroc,
)
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats

MOST_MEMBERS: Final = 5
"""Only so many detectors, those of the highest AUROC, are combined with one another."""

_SCHEMA = {
    "detectors": TEXT,
    "rule": TEXT,
    "sentences": COUNT,
    "auroc": NUMBER,
    "better_member": TEXT,
    "better_auroc": NUMBER,
    "gain": NUMBER,
    **INTERVAL,
}


def ranks(scores: Floats) -> Floats:
    """Returns the rank of each score over their number, ties at their mean."""
    return np.asarray(rankdata(scores) / len(scores))


def standardised(scores: Floats) -> Floats:
    """Returns scores with mean 0 and standard deviation 1."""
    return np.asarray((scores - scores.mean()) / scores.std())


RULES: Final[dict[str, Callable[[Floats], Floats]]] = {
    "mean of ranks": ranks,
    "mean of standardised scores": standardised,
}


def combined(members: Sequence[Floats], rule: Callable[[Floats], Floats]) -> Floats:
    """Returns the mean of the members' scores after a rule, NaN where one of them has none."""
    there = np.all([np.isfinite(scores) for scores in members], axis=0)
    found = np.full(len(there), np.nan)
    if there.any():
        found[there] = np.mean([rule(scores[there]) for scores in members], axis=0)
    return found


def ensembles(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
) -> Analysis:
    """Returns the mean AUROC of each pair of detectors, and its gain over the better one."""
    order = sorted(range(len(detectors)), key=lambda place: -_or_zero(aurocs[place].mean().value))
    chosen = sorted(order[:MOST_MEMBERS])
    rows = []
    for first, second in combinations(chosen, 2):
        one, other = detectors[first], detectors[second]
        both = one.there & other.there
        members = [
            (detector, _on(sentences, detector, aurocs[place], both))
            for place, detector in ((first, one), (second, other))
        ]
        models = common_models([found for _, found in members])
        means = [(detector, found.mean(models)) for detector, found in members]
        better, best = max(means, key=lambda member: _or_zero(member[1].value))
        for rule, function in RULES.items():
            scores = combined([one.scores, other.scores], function)
            together = model_auroc(sentences, scores).mean(models)
            columns = {
                "detectors": f"{one.name} + {other.name}",
                "rule": rule,
                "sentences": int(both.sum()),
                "auroc": _or_none(together.value),
                "better_member": better.name,
                "better_auroc": _or_none(best.value),
            }
            rows.append(with_interval(columns, "gain", together - best))
    notes = []
    if len(detectors) > MOST_MEMBERS:
        notes.append(f"Only the {MOST_MEMBERS} detectors of the highest AUROC are combined.")
    return Analysis(
        "ensembles",
        "Ensembles of two detectors",
        "Mean of two detectors' ranks, or of their standardised scores, over the sentences that "
        "both have scored. `auroc` is the unweighted mean over generating models, `gain` what it "
        "is above that of the better member on the same sentences; intervals are paired. "
        f"{INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        Dots("detectors", "rule", "gain", "gain in AUROC", 0.0),
        tuple(notes),
    )


def _on(sentences: Sentences, detector: Scored, own: ModelAuroc, both: Bools) -> ModelAuroc:
    if np.array_equal(both, detector.there):
        return own
    return model_auroc(sentences, detector.scores, both)


def _or_zero(value: float) -> float:
    return value if np.isfinite(value) else 0.0


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
