"""Whether a detector's word scores find the words that annotators marked.

A word is one that the detector scored; it is *wrong* if it overlaps a released span.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Bars,
    table_of,
    with_interval,
)
from alignbench.evaluation.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints, ratio
from alignbench.evaluation.statistics.precision import WeightedAveragePrecision
from alignbench.reporting.bootstrap import ImageBootstrap

_SCHEMA = {
    "detector": TEXT,
    "measure": TEXT,
    "value": NUMBER,
    **INTERVAL,
    "words": COUNT,
    "sentences": COUNT,
}
AVERAGE_PRECISION: Final = "average precision"
LOCALISATION: Final = "localisation accuracy"
PRECISION, RECALL, F1 = "token precision", "token recall", "token F1"
CHANCE: Final = "share of wrong words"


class Words(NamedTuple):
    """The words of incorrect sentences with spans, in the order of their sentences.

    Attributes:
        sentence: Number of each word's sentence, from 0.
        image: Number of its image.
        score: Lower is more suspicious.
        wrong: Whether it overlaps a released span.
        sentences: How many sentences there are.
    """

    sentence: Ints
    image: Ints
    score: Floats
    wrong: Bools
    sentences: int


def gold_words(sentences: Sentences, words: pa.Table) -> Words:
    """Returns the scored words of the incorrect sentences that have spans.

    Args:
        sentences: Of the release.
        words: `row` (of the sentence), `start`, `end`, `score`.
    """
    spans = sentences.table["error_spans"].combine_chunks()
    flat = spans.flatten()
    of_span = pc.list_parent_indices(spans).to_numpy()
    marked = ~sentences.correct & (np.bincount(of_span, minlength=len(sentences)) > 0)
    words = words.filter(pa.array(marked[words["row"].to_numpy()]))
    row, score = words["row"].to_numpy(), words["score"].to_numpy().astype(np.float64)
    words = words.filter(pa.array(np.isfinite(score)))
    row, score = row[np.isfinite(score)], score[np.isfinite(score)]
    wrong = _overlaps(
        row, words["start"].to_numpy(), words["end"].to_numpy(),
        of_span, flat.field("start").to_numpy(), flat.field("end").to_numpy(),
    )  # fmt: skip
    found, sentence = np.unique(row, return_inverse=True)
    image = sentences.image.codes[row]
    return Words(sentence.astype(np.int64), image, score, wrong, len(found))


def localisation(
    sentences: Sentences, detectors: Sequence[Scored], bootstrap: ImageBootstrap
) -> Analysis:
    """Returns how well word scores point at the marked words."""
    rows = []
    for detector in detectors:
        if detector.words is None:
            continue
        words = gold_words(sentences, detector.words)
        if not words.sentences:
            continue
        for measure, value, draws in _measures(words, detector.word_threshold, bootstrap):
            columns = {
                "detector": detector.name,
                "measure": measure,
                "words": len(words.score),
                "sentences": words.sentences,
            }
            rows.append(with_interval(columns, "value", value, draws))
    notes = () if rows else ("No detector here gives scores of words in sentences with spans.",)
    return Analysis(
        "localisation",
        "Which words are wrong",
        f"Over the words of incorrect sentences with spans. `{AVERAGE_PRECISION}`: over all these "
        f"words, ordered by score. `{LOCALISATION}`: share of sentences whose lowest word is a "
        f"marked one. `{PRECISION}`, `{RECALL}`, `{F1}`: of the words below the detector's own "
        f"threshold. `{CHANCE}` is what a guess would have as average precision.",
        table_of(_SCHEMA, rows),
        Bars("measure", "detector", "value", "share"),
        notes,
    )


def _measures(
    words: Words, threshold: float | None, bootstrap: ImageBootstrap
) -> list[tuple[str, float, Floats]]:
    once = np.ones(bootstrap.images)
    precision = WeightedAveragePrecision(-words.score, words.wrong, words.image)
    # One pass over the resamples for everything that is a ratio of sums over images.
    lowest = _lowest_words(words)
    sums = [
        _by_image(words.image[lowest], words.wrong[lowest], bootstrap.images),
        _by_image(words.image[lowest], np.ones(len(lowest)), bootstrap.images),
        _by_image(words.image, words.wrong, bootstrap.images),
        _by_image(words.image, np.ones(len(words.image)), bootstrap.images),
    ]
    if threshold is not None:
        flagged = words.score < threshold
        sums += [
            _by_image(words.image, flagged & words.wrong, bootstrap.images),
            _by_image(words.image, flagged, bootstrap.images),
        ]
    totals = np.array(sums)
    value, draws = (
        totals @ once,
        np.array([totals @ weights.astype(np.float64) for weights in bootstrap]),
    )
    found = [
        (AVERAGE_PRECISION, precision.value(once), precision.draws(bootstrap)),
        (LOCALISATION, float(ratio(value[0], value[1])), ratio(draws[:, 0], draws[:, 1])),
        (CHANCE, float(ratio(value[2], value[3])), ratio(draws[:, 2], draws[:, 3])),
    ]
    if threshold is not None:
        hits, hit_draws = value[4], draws[:, 4]
        both, both_draws = value[5] + value[2], draws[:, 5] + draws[:, 2]
        found += [
            (PRECISION, float(ratio(hits, value[5])), ratio(hit_draws, draws[:, 5])),
            (RECALL, float(ratio(hits, value[2])), ratio(hit_draws, draws[:, 2])),
            (F1, float(ratio(2 * hits, both)), ratio(2 * hit_draws, both_draws)),
        ]
    return found


def _lowest_words(words: Words) -> Ints:
    """Returns the place of each sentence's lowest word; the first of several."""
    order = np.lexsort((np.arange(len(words.score)), words.score, words.sentence))
    _, first = np.unique(words.sentence[order], return_index=True)
    lowest: Ints = order[first]
    return lowest


def _by_image(image: Ints, values: Floats | Bools, images: int) -> Floats:
    summed: Floats = np.bincount(image, values.astype(np.float64), minlength=images).astype(float)
    return summed


def _overlaps(
    row: Ints, start: Ints, end: Ints, span_row: Ints, span_start: Ints, span_end: Ints
) -> Bools:
    """Returns whether each word overlaps a span of its sentence; spans do not overlap."""
    width = int(max(end.max(initial=0), span_end.max(initial=0))) + 1
    order = np.argsort(span_row * width + span_start, kind="stable")
    starts = (span_row * width + span_start)[order]
    ends = (span_row * width + span_end)[order]
    if not len(starts):
        return np.zeros(len(row), bool)
    # The last span that begins before the word ends is the only one that can reach into it.
    before = np.searchsorted(starts, row * width + end, side="left") - 1
    inside = (before >= 0) & (ends[np.maximum(before, 0)] > row * width + start)
    found: Bools = inside
    return found
