"""All analyses of an evaluation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from alignbench.evaluation.analyses.aids import Aids
from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.analyses.by_kind import by_domain, by_type
from alignbench.evaluation.analyses.by_model import by_model, model_auroc
from alignbench.evaluation.analyses.by_part_of_speech import by_part_of_speech
from alignbench.evaluation.analyses.by_prompt import by_prompt
from alignbench.evaluation.analyses.calibration import calibration
from alignbench.evaluation.analyses.clip4dm_sets.analysis import clip4dm_evaluation
from alignbench.evaluation.analyses.comparison import comparison
from alignbench.evaluation.analyses.correlation import correlations
from alignbench.evaluation.analyses.cost import cost
from alignbench.evaluation.analyses.coverage import coverage
from alignbench.evaluation.analyses.ensembles import combined, ensembles, ranks
from alignbench.evaluation.analyses.filtering import filtering
from alignbench.evaluation.analyses.label_errors import label_errors
from alignbench.evaluation.analyses.localisation import localisation
from alignbench.evaluation.analyses.main_table import main_table
from alignbench.evaluation.analyses.on_control import control_sample, on_control
from alignbench.evaluation.analyses.position import position_corrected, position_curves
from alignbench.evaluation.analyses.self_preference import self_preference
from alignbench.evaluation.analyses.sentence_level import sentence_level
from alignbench.evaluation.analyses.unknown_bounds import unknown_bounds
from alignbench.evaluation.scores.scored import Scored, Sentences


class Outside(NamedTuple):
    """Outside figures of models by name, and what they are."""

    label: str
    figures: Mapping[str, float]


_PLACE_OF_CONTROL = 3
"""After AUROC by model, which it is beside."""


def analyse(
    sentences: Sentences,
    detectors: Sequence[Scored],
    outside: Outside | None = None,
    aids: Aids = Aids(),  # noqa: B008 - an immutable value
) -> list[Analysis]:
    """Returns every analysis; detectors whose scores say nothing are in the first two only.

    Args:
        sentences: Of the release.
        detectors: Their scores of these sentences.
        outside: What to correlate with, if anything.
        aids: What some analyses need beside.
    """
    aurocs = [
        None if detector.says_nothing else model_auroc(sentences, detector.scores)
        for detector in detectors
    ]
    usable = [(d, found) for d, found in zip(detectors, aurocs, strict=True) if found is not None]
    told = [detector for detector, _ in usable]
    known = [found for _, found in usable]
    of_models = by_model(sentences, detectors, aurocs)
    analyses = [
        coverage(detectors),
        of_models,
        main_table(of_models),
        comparison(sentences, told, known),
        position_curves(sentences, told),
        position_corrected(sentences, told, known),
        self_preference(sentences, told, known),
        by_type(sentences, told),
        by_domain(sentences, told),
        ensembles(sentences, told, known),
        localisation(sentences, told),
        filtering(sentences, told),
        sentence_level(sentences, told),
        *calibration(sentences, told),
        *label_errors(sentences, told, known, aids.gold),
        cost(detectors),
        by_prompt(told, known),
    ]
    inside = control_sample(sentences)
    if inside is not None:
        analyses.insert(_PLACE_OF_CONTROL, on_control(sentences, told, known, inside))
    if aids.unknown is not None:
        analyses.append(unknown_bounds(sentences, told, known, aids.unknown))
    of_set = clip4dm_evaluation(sentences, told, aids.judge)
    if of_set is not None:
        analyses.append(of_set)
    if aids.tagger is not None:
        analyses.append(by_part_of_speech(sentences, told, aids.tagger))
    if outside is not None:
        figures, label = outside.figures, outside.label
        analyses += correlations(sentences, told, known, figures, label)
    return analyses


def hardest(sentences: Sentences, detectors: Sequence[Scored]) -> list[int]:
    """Returns the rows that the detectors together get most wrong, the worst first.

    A sentence's badness is its mean rank over detectors, counted from the wrong end: high for an
    incorrect one with high scores, and for a correct one with low scores.
    """
    told = [detector.scores for detector in detectors if detector.says_nothing is None]
    if not told:
        return []
    rank = combined(told, ranks)
    badness = np.where(sentences.correct, 1 - rank, rank)
    there = np.flatnonzero(np.isfinite(badness))
    order = there[np.argsort(-badness[there], kind="stable")]
    return [int(row) for row in order]
