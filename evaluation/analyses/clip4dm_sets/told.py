"""The scored sentences of a set, with what a detector says of their words."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from alignbench.evaluation.analyses.clip4dm_sets.sets import WordSet, is_original
from alignbench.evaluation.detector_parts.misaligned_words import Phrase, misaligned_phrases
from alignbench.evaluation.errors import OwnLabelsError
from alignbench.evaluation.scores.own_labels import decoded_labels
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.schemas.rows.spans import WordScore

Range = tuple[int, int]


@dataclass(frozen=True)
class ToldSentence:
    """A sentence that a detector has scored.

    Attributes:
        text: The sentence.
        words: The detector's words, in the order of the sentence; empty if it gives none.
        threshold: The score below which it finds a word misaligned; None if it has none.
        own: The set's own labels.
        wrong_words: What the published code calls its wrong words.
        spans: The released spans.
        is_located: False if it is incorrect and none of its wrong words could be located.
    """

    text: str
    words: tuple[WordScore, ...]
    threshold: float | None
    own: Mapping[str, Any]
    wrong_words: str
    spans: tuple[Range, ...]
    is_located: bool

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """Runs of words that the detector finds misaligned."""
        if self.threshold is None:
            return ()
        return misaligned_phrases(self.text, self.words, self.threshold)

    @property
    def flagged(self) -> tuple[WordScore, ...]:
        """The words that the detector finds misaligned."""
        return tuple(word for phrase in self.phrases for word in phrase.words)

    def is_wrong(self, start: int, end: int) -> bool:
        """Tells whether a range overlaps a released span."""
        return any(start < last and first < end for first, last in self.spans)


@dataclass(frozen=True)
class Told:
    """All of them, as columns.

    Attributes:
        sentences: The sentences.
        scores: The detector's scores of them.
        correct: Whether the release says that they are correct.
        original: Whether the published code takes them for right ones.
        image: Number of each one's image.
        images: How many images there are.
    """

    sentences: Sequence[ToldSentence]
    scores: Floats
    correct: Bools
    original: Bools
    image: Ints
    images: int

    @cached_property
    def located(self) -> Bools:
        """Which sentences have their wrong words located, or none to locate."""
        return np.array([one.is_located for one in self.sentences], bool)

    @property
    def has_words(self) -> bool:
        """Whether the detector gives scores of words."""
        return any(one.words for one in self.sentences)

    @property
    def has_threshold(self) -> bool:
        """Whether it has a score below which a word counts as misaligned."""
        return any(one.threshold is not None for one in self.sentences)

    def only(self, chosen: Bools) -> "Told":
        """Returns some of the sentences; images keep their numbers."""
        places = np.flatnonzero(chosen)
        return Told(
            [self.sentences[place] for place in places.tolist()],
            self.scores[chosen],
            self.correct[chosen],
            self.original[chosen],
            self.image[chosen],
            self.images,
        )


def told_sentences(sentences: Sentences, detector: Scored, word_set: WordSet) -> Told:
    """Returns what a detector says of the sentences that it has a score of.

    Raises:
        OwnLabelsError: A sentence's own labels are not those of the set.
    """
    there = np.flatnonzero(detector.there)
    words: dict[int, list[WordScore]] = defaultdict(list)
    if detector.words is not None:
        columns = (detector.words[name].to_pylist() for name in ("row", "start", "end", "score"))
        for row, start, end, score in zip(*columns, strict=True):
            words[row].append(WordScore(start=start, end=end, score=score))
    rows = sentences.table.select(["caption", "own_labels", "error_spans"]).take(there)
    found = []
    for place, row in zip(there.tolist(), rows.to_pylist(), strict=True):
        own = decoded_labels(row["own_labels"])
        spans = tuple((span["start"], span["end"]) for span in row["error_spans"] or ())
        found.append(
            ToldSentence(
                text=row["caption"],
                words=tuple(sorted(words[place], key=lambda word: word.start)),
                threshold=detector.word_threshold,
                own=own,
                wrong_words=_wrong_words(word_set, row["caption"], own),
                spans=spans,
                is_located=bool(sentences.correct[place]) or bool(spans),
            )
        )
    return Told(
        found,
        detector.scores[there],
        sentences.correct[there],
        np.array([is_original(one.wrong_words) for one in found], bool),
        sentences.image.codes[there],
        len(sentences.image.names),
    )


def _wrong_words(word_set: WordSet, text: str, own: Mapping[str, Any]) -> str:
    try:
        return word_set.wrong_words(text, own)
    except (TypeError, ValueError, LookupError):
        raise OwnLabelsError(
            f"The own_labels of the sentence {text[:80]!r} are not those of the set that the "
            "release says it was imported from.",
            "Import the set again, or run 'alignbench verify' on the release.",
        ) from None
