"""What a detector is worth as a classifier of sentences: AP, balanced accuracy and F1."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

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
from alignbench.evaluation.analyses.class_means import half_of_both
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Ints
from alignbench.evaluation.statistics.clustered import (
    CORRECT_IMAGES,
    INCORRECT_IMAGES,
    share_of,
    sums_by_image,
)
from alignbench.evaluation.statistics.precision import linear_average_precision
from alignbench.evaluation.statistics.thresholds import (
    PARTS,
    balanced_accuracy,
    f1,
    flagged_elsewhere,
)
from alignbench.reporting.jackknife import FEWEST_CLUSTERS, Estimate
from alignbench.schemas.vocabulary import Verdict

AVERAGE_PRECISION: Final = "average precision"
BALANCED_ACCURACY: Final = "balanced accuracy"
F1: Final = "F1"

_SCHEMA: Final = {
    "detector": TEXT,
    "measure": TEXT,
    "positive": TEXT,
    "base_rate": NUMBER,
    "value": NUMBER,
    **INTERVAL,
    "sentences": COUNT,
}


class _Found(NamedTuple):
    """A measure, and which sentences are its positives."""

    measure: str
    positive: Verdict
    value: Estimate


def sentence_level(sentences: Sentences, detectors: Sequence[Scored]) -> Analysis:
    """Returns how well sentences are ordered, and classified by a threshold found elsewhere."""
    rows = []
    for detector in detectors:
        correct = sentences.correct[detector.there]
        for found in _measures(sentences, detector):
            right = float(np.mean(correct))
            columns = {
                "detector": detector.name,
                "measure": found.measure,
                "positive": found.positive.value,
                "base_rate": right if found.positive is Verdict.CORRECT else 1 - right,
                "why_null": _why_null(found),
                "sentences": len(correct),
            }
            rows.append(with_interval(columns, "value", found.value))
    return Analysis(
        "sentence_level",
        "As a classifier of sentences",
        f"Over all sentences. `{AVERAGE_PRECISION}`: with incorrect sentences as positives, which "
        "the lowest scores find, and with correct ones, which the highest find; `base_rate`, the "
        f"share of positives, is what chance has. `{BALANCED_ACCURACY}` and `{F1}`: of a threshold "
        f"found on other images (in {PARTS} parts, each judged by the threshold that is best on "
        "the others). Intervals are 95 %, by leaving out one image at a time, thresholds held.",
        table_of(_SCHEMA, rows),
        None,
    )


def _measures(sentences: Sentences, detector: Scored) -> Iterator[_Found]:
    # In the order of their scores, in which what sorts them below has nothing left to do.
    order = np.argsort(detector.scores, kind="stable")
    there = order[detector.there[order]]
    scores, correct = detector.scores[there], sentences.correct[there]
    image, images = sentences.image.codes[there], len(sentences.image.names)
    for positive, towards, is_one, what in (
        (Verdict.INCORRECT, -scores, ~correct, INCORRECT_IMAGES),
        (Verdict.CORRECT, scores, correct, CORRECT_IMAGES),
    ):
        value = linear_average_precision(towards, is_one, image, images, "images")
        if not is_one.all():
            value = replace(value, distrust=_too_few(is_one, image, what))
        yield _Found(AVERAGE_PRECISION, positive, value)

    def told_right(is_one: Bools, right: Bools, what: str) -> Estimate:
        every = sums_by_image(image, is_one, images)
        return share_of(sums_by_image(image, is_one & right, images), every, what)

    flagged = flagged_elsewhere(scores, correct, image, balanced_accuracy)
    half = half_of_both(
        told_right(~correct, flagged, INCORRECT_IMAGES),
        told_right(correct, ~flagged, CORRECT_IMAGES),
    )
    yield _Found(BALANCED_ACCURACY, Verdict.INCORRECT, half)
    flagged = flagged_elsewhere(scores, correct, image, f1)
    hits = 2 * sums_by_image(image, flagged & ~correct, images)
    found = sums_by_image(image, flagged, images) + sums_by_image(image, ~correct, images)
    value = share_of(hits, found, "images with incorrect or flagged sentences")
    yield _Found(F1, Verdict.INCORRECT, value if (~correct).any() else Estimate.unknown(images))


def _too_few(is_one: Bools, image: Ints, what: str) -> str | None:
    count = len(np.unique(image[is_one]))
    return f"Fewer than {FEWEST_CLUSTERS} {what}: {count}." if count < FEWEST_CLUSTERS else None


def _why_null(found: _Found) -> str | None:
    return f"It has no {found.positive.value} sentence." if np.isnan(found.value.value) else None
