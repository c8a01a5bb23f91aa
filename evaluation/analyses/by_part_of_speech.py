"""How well words of each part of speech are found wrong."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.evaluation.aids.parts_of_speech import Tag, Tagger
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
from alignbench.evaluation.analyses.localisation import overlapping
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.clustered import share_of, sums_by_image

_SCHEMA: Final = {
    "detector": TEXT,
    "part_of_speech": TEXT,
    "words": COUNT,
    "marked": COUNT,
    "flagged": COUNT,
    "precision": NUMBER,
    "recall": NUMBER,
    "f1": NUMBER,
    **INTERVAL,
}


def by_part_of_speech(
    sentences: Sentences, detectors: Sequence[Scored], tagger: Tagger
) -> Analysis:
    """Returns token F1 of the words of each part of speech, of detectors that flag words."""
    spans = sentences.table["error_spans"].combine_chunks()
    of_span = pc.list_parent_indices(spans).to_numpy()
    has_spans = np.bincount(of_span, minlength=len(sentences)) > 0
    usable = sentences.correct | has_spans
    tags: dict[str, list[Tag]] = {}
    rows: list[dict[str, Any]] = []
    for detector in detectors:
        if detector.words is None or detector.word_threshold is None:
            continue
        words = detector.words.filter(pa.array(usable[detector.words["row"].to_numpy()]))
        wrong = overlapping(words, spans)
        _add_tags(tags, sentences, words, tagger)
        rows += _rows(sentences, detector, words, wrong, tags)
    return Analysis(
        "localisation_by_part_of_speech",
        "Which words are wrong, by part of speech",
        "Token precision, recall and F1 of the words below the detector's own threshold, by the "
        f"part of speech that {tagger.model} gives them: that of the word's longest token. Over "
        "all correct sentences, and the incorrect ones whose wrong words are known. Intervals are "
        "of F1: 95 %, by leaving out one image at a time.",
        table_of(_SCHEMA, rows),
        Dots("part_of_speech", "detector", "f1", "token F1"),
        () if rows else ("No detector here has scores of words, and a threshold of them.",),
    )


def _add_tags(
    tags: dict[str, list[Tag]], sentences: Sentences, words: pa.Table, tagger: Tagger
) -> None:
    needed = np.unique(words["row"].to_numpy())
    texts = sentences.table["caption"].take(pa.array(needed)).unique().to_pylist()
    fresh = [text for text in texts if text not in tags]
    tags.update(zip(fresh, tagger.tags(fresh), strict=True))


def _rows(
    sentences: Sentences,
    detector: Scored,
    words: pa.Table,
    wrong: np.ndarray[Any, np.dtype[np.bool_]],
    tags: dict[str, list[Tag]],
) -> list[dict[str, Any]]:
    row = words["row"].to_numpy()
    texts = sentences.table["caption"].take(pa.array(row)).to_pylist()
    places: dict[str, list[int]] = defaultdict(list)
    ranges = zip(words["start"].to_pylist(), words["end"].to_pylist(), texts, strict=True)
    for place, (start, end, text) in enumerate(ranges):
        part = part_of_word(start, end, tags[text])
        if part is not None:
            places[part].append(place)
    flagged = words["score"].to_numpy() < detector.word_threshold
    image, images = sentences.image.codes[row], len(sentences.image.names)
    found = []
    for part, chosen in sorted(places.items()):
        own, own_wrong, own_flagged = image[chosen], wrong[chosen], flagged[chosen]
        hits = sums_by_image(own, own_wrong & own_flagged, images)
        told, marked = (sums_by_image(own, which, images) for which in (own_flagged, own_wrong))
        precision, recall = share_of(hits, told).value, share_of(hits, marked).value
        columns = {
            "detector": detector.name,
            "part_of_speech": part,
            "words": len(chosen),
            "marked": int(own_wrong.sum()),
            "flagged": int(own_flagged.sum()),
            "precision": None if np.isnan(precision) else precision,
            "recall": None if np.isnan(recall) else recall,
        }
        f1 = share_of(2 * hits, told + marked, "images with marked or flagged words")
        found.append(with_interval(columns, "f1", f1))
    return found


def part_of_word(start: int, end: int, tags: Sequence[Tag]) -> str | None:
    """Returns the part of speech of the longest token in a word; None if there is none."""
    inside = [(min(end, last) - max(start, first), tag) for first, last, tag in tags
              if start < last and first < end]  # fmt: skip
    return max(inside, key=lambda found: found[0])[1] if inside else None
