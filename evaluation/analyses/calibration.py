"""Whether a score says how likely a sentence is correct: calibration error and Brier score."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

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
from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints, ratio
from alignbench.evaluation.statistics.clustered import IMAGES, mean_of, share_of, sums_by_image
from alignbench.evaluation.statistics.thresholds import PARTS, probabilities_elsewhere
from alignbench.reporting.jackknife import Estimate, Sample

AS_GIVEN: Final = "as given"
FITTED: Final = "fitted on other images"
ERROR, BRIER, CHANCE = "calibration error", "Brier score", "Brier score of the base rate"
BINS: Final = 10

_MEASURES: Final = {
    "detector": TEXT,
    "probability": TEXT,
    "measure": TEXT,
    "value": NUMBER,
    **INTERVAL,
    "base_rate": NUMBER,
    "sentences": COUNT,
}
_TABLE: Final = {
    "detector": TEXT,
    "probability": TEXT,
    "mean_probability": NUMBER,
    "correct_share": NUMBER,
    **INTERVAL,
    "sentences": COUNT,
}


class Forecast(NamedTuple):
    """Probabilities of being correct, and what came true.

    Attributes:
        probability: Of each item, within 0 and 1.
        correct: Whether it is.
        image: Number of its image.
        images: How many images there are.
    """

    probability: Floats
    correct: Bools
    image: Ints
    images: int

    def bins(self) -> Ints:
        """Returns the bin of each item: about equally many in each, one probability in one bin."""
        edges = np.quantile(self.probability, np.arange(1, BINS) / BINS, method="lower")
        return np.searchsorted(np.unique(edges), self.probability, side="left").astype(np.int64)


def calibration(sentences: Sentences, detectors: Sequence[Scored]) -> list[Analysis]:
    """Returns the measures of each detector's probabilities, and their table by bin."""
    measures: list[dict[str, Any]] = []
    table: list[dict[str, Any]] = []
    for detector in detectors:
        for kind, forecast in _forecasts(sentences, detector):
            named = {"detector": detector.name, "probability": kind}
            for measure, value in measures_of(forecast):
                columns = {
                    **named,
                    "measure": measure,
                    "base_rate": float(forecast.correct.mean()),
                    "sentences": len(forecast.correct),
                }
                measures.append(with_interval(columns, "value", value))
            table += [{**named, **row} for row in bin_rows(forecast)]
    method = (
        f"`{AS_GIVEN}`: a score that never leaves 0 to 1 (or 0 to 100, then taken as percent) is "
        f"read as the probability that the sentence is correct. `{FITTED}`: a rising curve "
        f"(isotonic regression) makes a probability of the score, fitted on other images in "
        f"{PARTS} parts. "
    )
    return [
        Analysis(
            "calibration",
            "Calibration of scores",
            f"{method}`{ERROR}`: the mean distance between probability and share of correct "
            f"sentences over {BINS} bins of about equal size, by their number of sentences. "
            f"`{BRIER}`: the mean squared distance of probability and outcome; `{CHANCE}` is that "
            "of a detector that always says the share of correct sentences.",
            table_of(_MEASURES, measures),
            None,
        ),
        Analysis(
            "calibration_table",
            "Calibration of scores, by bin",
            f"{method}Each bin's mean probability beside the share of its sentences that are "
            "correct.",
            table_of(_TABLE, table),
            Lines(
                "mean_probability", "detector", "correct_share", "share correct",
                "probability", "probability",
            ),
        ),
    ]  # fmt: skip


def measures_of(forecast: Forecast) -> Iterator[tuple[str, Estimate]]:
    """Yields the calibration error, the Brier score, and that of the base rate."""
    yield ERROR, _calibration_error(forecast)
    image, images = forecast.image, forecast.images
    off: Floats = forecast.probability - forecast.correct
    yield BRIER, mean_of(off**2, image, images)
    base = float(forecast.correct.mean())
    flat: Floats = base - forecast.correct.astype(np.float64)
    yield CHANCE, mean_of(flat**2, image, images)


def bin_rows(forecast: Forecast) -> Iterator[dict[str, Any]]:
    """Yields the row of each bin: mean probability and share of correct ones."""
    bins = forecast.bins()
    for number in np.unique(bins).tolist():
        own = bins == number
        correct = sums_by_image(forecast.image[own], forecast.correct[own], forecast.images)
        every = np.bincount(forecast.image[own], minlength=forecast.images).astype(np.float64)
        columns = {
            "mean_probability": float(forecast.probability[own].mean()),
            "sentences": int(own.sum()),
        }
        yield with_interval(columns, "correct_share", share_of(correct, every))


def _forecasts(sentences: Sentences, detector: Scored) -> Iterator[tuple[str, Forecast]]:
    there = detector.there
    scores, correct = detector.scores[there], sentences.correct[there]
    image, images = sentences.image.codes[there], len(sentences.image.names)
    whole = _whole(scores)
    if whole is not None:
        yield AS_GIVEN, Forecast(scores / whole, correct, image, images)
    fitted = probabilities_elsewhere(scores, correct, image)
    known = np.isfinite(fitted)
    if known.any():
        yield FITTED, Forecast(fitted[known], correct[known], image[known], images)


def _whole(scores: Floats) -> float | None:
    """Returns what certainty is on the scale of probabilities or percent; None on another scale."""
    low, high = scores.min(), scores.max()
    if low < 0 or high > 100:
        return None
    return 1.0 if high <= 1 else 100.0


def _calibration_error(forecast: Forecast) -> Estimate:
    cell = forecast.image * BINS + forecast.bins()
    off = np.bincount(
        cell, forecast.probability - forecast.correct, minlength=forecast.images * BINS
    ).reshape(forecast.images, BINS)
    items = np.bincount(forecast.image, minlength=forecast.images).astype(np.float64)
    total = off.sum(axis=0)
    value = float(np.abs(total).sum() / items.sum())
    left_out = ratio(np.abs(total - off).sum(axis=1), items.sum() - items)
    pull = (off @ np.sign(total) - value * items) / items.sum()
    return Estimate(value, left_out, (Sample(pull, items > 0, IMAGES),), is_share=True)
