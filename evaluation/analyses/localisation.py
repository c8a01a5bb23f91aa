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
    Dots,
    table_of,
    with_interval,
)
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.evaluation.statistics.clustered import share_of, sums_by_image
from alignbench.evaluation.statistics.precision import average_precision
from alignbench.reporting.jackknife import Estimate

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
    of_span = pc.list_parent_indices(spans).to_numpy()
    marked = ~sentences.correct & (np.bincount(of_span, minlength=len(sentences)) > 0)
    words = words.filter(pa.array(marked[words["row"].to_numpy()]))
    row, score = words["row"].to_numpy(), words["score"].to_numpy().astype(np.float64)
    words = words.filter(pa.array(np.isfinite(score)))
    row, score = row[np.isfinite(score)], score[np.isfinite(score)]
    wrong = overlapping(words, spans)
    found, sentence = np.unique(row, return_inverse=True)
    image = sentences.image.codes[row]
    return Words(sentence.astype(np.int64), image, score, wrong, len(found))


def overlapping(words: pa.Table, spans: pa.ListArray) -> Bools:
    """Returns whether each word overlaps a released span of its sentence.

    Args:
        words: `row` (of the sentence), `start`, `end`.
        spans: Of each sentence.
    """
    flat = spans.flatten()
    return _overlaps(
        words["row"].to_numpy(), words["start"].to_numpy(), words["end"].to_numpy(),
        pc.list_parent_indices(spans).to_numpy(),
        flat.field("start").to_numpy(), flat.field("end").to_numpy(),
    )  # fmt: skip


def localisation(sentences: Sentences, detectors: Sequence[Scored]) -> Analysis:
    """Returns how well word scores point at the marked words."""
    rows = []
    for detector in detectors:
        if detector.words is None:
            continue
        words = gold_words(sentences, detector.words)
        if not words.sentences:
            continue
        images = len(sentences.image.names)
        for measure, value in _measures(words, detector.word_threshold, images):
            columns = {
                "detector": detector.name,
                "measure": measure,
                "words": len(words.score),
                "sentences": words.sentences,
            }
            rows.append(with_interval(columns, "value", value))
    notes = () if rows else ("No detector here gives scores of words in sentences with spans.",)
    return Analysis(
        "localisation",
        "Which words are wrong",
        f"Over the words of incorrect sentences with spans. `{AVERAGE_PRECISION}`: over all these "
        f"words, ordered by score. `{LOCALISATION}`: share of sentences whose lowest word is a "
        f"marked one. `{PRECISION}`, `{RECALL}`, `{F1}`: of the words below the detector's own "
        f"threshold. `{CHANCE}` is what a guess would have as average precision.",
        table_of(_SCHEMA, rows),
        Dots("measure", "detector", "value", "share"),
        notes,
    )


def _measures(words: Words, threshold: float | None, images: int) -> list[tuple[str, Estimate]]:
    lowest = _lowest_words(words)
    wrong = sums_by_image(words.image, words.wrong, images)
    every = sums_by_image(words.image, np.ones(len(words.image)), images)
    found = [
        (AVERAGE_PRECISION, average_precision(-words.score, words.wrong, words.image, images)),
        (
            LOCALISATION,
            share_of(
                sums_by_image(words.image[lowest], words.wrong[lowest], images),
                sums_by_image(words.image[lowest], np.ones(len(lowest)), images),
            ),
        ),
        (CHANCE, share_of(wrong, every)),
    ]
    if threshold is not None:
        below = words.score < threshold
        hits = sums_by_image(words.image, below & words.wrong, images)
        flagged = sums_by_image(words.image, below, images)
        found += [
            (PRECISION, share_of(hits, flagged, "images with flagged words")),
            (RECALL, share_of(hits, wrong, "images with marked words")),
            (F1, share_of(2 * hits, flagged + wrong, "images with marked or flagged words")),
        ]
    return found


def _lowest_words(words: Words) -> Ints:
    """Returns the place of each sentence's lowest word; the first of several."""
    order = np.lexsort((np.arange(len(words.score)), words.score, words.sentence))
    _, first = np.unique(words.sentence[order], return_index=True)
    lowest: Ints = order[first]
    return lowest


def _overlaps(
    row: Ints, start: Ints, end: Ints, span_row: Ints, span_start: Ints, span_end: Ints
) -> Bools:
    """Returns whether each word overlaps a span of its sentence; spans may overlap one another."""
    width = int(max(end.max(initial=0), span_end.max(initial=0))) + 1
    order = np.argsort(span_row * width + span_start, kind="stable")
    starts = (span_row * width + span_start)[order]
    ends = (span_row * width + span_end)[order]
    if not len(starts):
        return np.zeros(len(row), bool)
    # Of the spans that begin before the word ends, one that reaches into it has the furthest end;
    # those of earlier sentences end before this one begins.
    furthest = np.maximum.accumulate(ends)
    before = np.searchsorted(starts, row * width + end, side="left") - 1
    inside = (before >= 0) & (furthest[np.maximum(before, 0)] > row * width + start)
    found: Bools = inside
    return found
