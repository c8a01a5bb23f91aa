"""A detector's word scores as predictions, to be shown to annotators in a round that asks for it.

Only the suggestions are made here; whoever sends them must see to it that an answer which began
with one can be told from one that did not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from alignbench.evaluation.detector_parts.words import is_punctuation
from alignbench.schemas.rows.runs import Score
from alignbench.schemas.rows.spans import WordScore
from alignbench.schemas.vocabulary import Verdict


class PredictedSpan(NamedTuple):
    """A run of words that a detector finds wrong; half-open offsets in the sentence.

    A detector does not tell types, so there is none. `score` is that of the lowest word.
    """

    start: int
    end: int
    text: str
    score: float


class Prediction(NamedTuple):
    """What is suggested for a sentence.

    Attributes:
        sentence_id: Of the sentence.
        verdict: Incorrect with spans, correct without.
        spans: In order, not touching.
        score: The detector's score of the sentence.
    """

    sentence_id: str
    verdict: Verdict
    spans: tuple[PredictedSpan, ...]
    score: float


def predictions(
    scores: Iterable[Score], texts: Mapping[str, str], word_threshold: float
) -> Iterator[Prediction]:
    """Yields a prediction for each sentence that has a score and word scores.

    Args:
        scores: Rows of the table of scores, of one detector.
        texts: The sentences by their ids; a score of another sentence is passed over.
        word_threshold: A word below it is suggested as wrong.
    """
    for row in scores:
        text = texts.get(row.sentence_id)
        if text is None or row.score is None or not row.words:
            continue
        spans = tuple(_spans(text, row.words, word_threshold))
        verdict = Verdict.INCORRECT if spans else Verdict.CORRECT
        yield Prediction(row.sentence_id, verdict, spans, row.score)


def _spans(text: str, words: Iterable[WordScore], threshold: float) -> Iterator[PredictedSpan]:
    """Yields runs of words below the threshold with nothing but white space between them."""
    run: PredictedSpan | None = None
    for word in sorted(words, key=lambda word: word.start):
        said = text[word.start : word.end]
        if word.score >= threshold or is_punctuation(said):
            continue
        if run is not None and not text[run.end : word.start].strip():
            lowest = min(run.score, word.score)
            run = PredictedSpan(run.start, word.end, text[run.start : word.end], lowest)
            continue
        if run is not None:
            yield run
        run = PredictedSpan(word.start, word.end, said, word.score)
    if run is not None:
        yield run
