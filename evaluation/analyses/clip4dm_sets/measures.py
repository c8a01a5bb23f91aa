"""The measures, each from single sentences to a figure with what an interval needs."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.stats import rankdata

from alignbench.evaluation.analyses.clip4dm_sets.sets import token_ranges
from alignbench.evaluation.analyses.clip4dm_sets.told import Told, ToldSentence
from alignbench.evaluation.detector_parts.misaligned_words import (
    Phrase,
    kept_words,
    lowest_phrase,
    lowest_word,
)
from alignbench.evaluation.statistics.arrays import Bools, Floats
from alignbench.evaluation.statistics.clustered import mean_of, share_of, sums_by_image
from alignbench.evaluation.statistics.correlation import pearson
from alignbench.evaluation.statistics.precision import linear_average_precision
from alignbench.reporting.jackknife import Estimate
from alignbench.schemas.vocabulary import Verdict

LOCATION: Final = "location accuracy"
AVERAGE_PRECISION: Final = "average precision"
PRECISION, RECALL, F1 = "token precision", "token recall", "token F1"
PEARSON, SPEARMAN = "Pearson's r with the human score", "Spearman's rho with the human score"
ENTAILMENT: Final = "entailment"

_HUMAN_SCORE: Final = "misalignment_score"

Entails = Callable[[list[tuple[str, str]]], list[float]]
"""From pairs of premise and hypothesis to the probability that the one entails the other."""


class Matched(NamedTuple):
    """A measure's figure.

    Attributes:
        measure: Its name.
        value: The figure.
        positive: The positive class, of average precision.
        base_rate: Share of the positives, of average precision.
    """

    measure: str
    value: Estimate
    positive: Verdict | None = None
    base_rate: float | None = None


def precision_of_scores(told: Told, correct: Bools, positive: Verdict) -> Matched:
    """Returns the average precision of the sentences' scores.

    Args:
        told: The sentences.
        correct: Which of them count as right.
        positive: `correct`: the highest scores find it; `incorrect`: the lowest ones.
    """
    is_one, towards = (
        (correct, told.scores) if positive is Verdict.CORRECT else (~correct, -told.scores)
    )
    value = linear_average_precision(towards, is_one, told.image, told.images, "images")
    base = float(is_one.mean()) if len(is_one) else None
    return Matched(AVERAGE_PRECISION, value, positive, base)


def located_by_lowest_word(one: ToldSentence) -> bool:
    """Tells, as for FOIL, whether the lowest word, punctuation included, is the wrong one."""
    word = lowest_word(one.words)
    if word is None:
        return False
    # The code cuts a number and "_" off each word, and so whatever stands before an "_".
    return one.text[word.start : word.end].lower().split("_")[-1] == one.wrong_words


def lowest_word_is_marked(one: ToldSentence) -> bool:
    """Tells whether the lowest word overlaps a released span."""
    word = lowest_word(one.words)
    return word is not None and one.is_wrong(word.start, word.end)


def located_by_lowest_phrase(one: ToldSentence) -> bool:
    """Tells, as for HAT, whether the lowest phrase is a piece of the wrong words' characters."""
    phrase = lowest_phrase(one.phrases)
    return phrase is not None and phrase.spoken(one.text).strip().lower() in one.wrong_words


def lowest_phrase_is_marked(one: ToldSentence) -> bool:
    """Tells whether a word of the lowest phrase overlaps a released span."""
    phrase = lowest_phrase(one.phrases)
    return phrase is not None and any(one.is_wrong(w.start, w.end) for w in phrase.words)


def location(told: Told, located: Callable[[ToldSentence], bool], original: Bools) -> Matched:
    """Returns the number of located sentences over that of wrong ones."""
    hits = np.array([located(one) for one in told.sentences], bool)
    value = share_of(
        sums_by_image(told.image, hits, told.images),
        sums_by_image(told.image, ~original, told.images),
        "images with incorrect sentences",
    )
    return Matched(LOCATION, value)


class Counts(NamedTuple):
    """Tokens of a sentence that are found, and those that are flagged and wrong."""

    hits: int
    flagged: int
    wrong: int


def counts_by_index(one: ToldSentence) -> Counts:
    """Returns the counts as published: by number and letters of each word.

    Wrong tokens are numbered among all that stand between punctuation, flagged words among those
    between spaces that are no punctuation, so that a lone dash moves all that follow.
    """
    threshold = one.threshold
    words = kept_words(one.text, one.words)
    numbered = [
        f"{place}_{one.text[word.start : word.end]}"
        for place, word in enumerate(words)
        if threshold is not None and word.score < threshold
    ]
    flagged = Counter(" ".join(numbered).lower().split())
    wrong = Counter(one.wrong_words.split())
    return Counts((wrong & flagged).total(), flagged.total(), wrong.total())


def counts_by_place(one: ToldSentence) -> Counts:
    """Returns the counts of the tokens that overlap a released span, or a misaligned word."""
    flagged = one.flagged
    hits = marked = told = 0
    for start, end in token_ranges(one.text):
        is_wrong = one.is_wrong(start, end)
        is_told = any(start < word.end and word.start < end for word in flagged)
        marked, told, hits = marked + is_wrong, told + is_told, hits + (is_wrong and is_told)
    return Counts(hits, told, marked)


def token_measures(told: Told, counted: Callable[[ToldSentence], Counts]) -> Iterator[Matched]:
    """Yields precision, recall and F1 over the tokens of all sentences together."""
    counts = np.array([counted(one) for one in told.sentences], np.float64).reshape(-1, 3)
    hits, flagged, wrong = (
        sums_by_image(told.image, counts[:, column], told.images) for column in range(3)
    )
    yield Matched(PRECISION, share_of(hits, flagged, "images with flagged tokens"))
    yield Matched(RECALL, share_of(hits, wrong, "images with wrong tokens"))
    yield Matched(F1, share_of(2 * hits, flagged + wrong, "images with wrong or flagged tokens"))


def correlations(told: Told) -> Iterator[Matched]:
    """Yields the correlation of scores and human scores, over sentences that have one."""
    human = np.array([_number(one.own.get(_HUMAN_SCORE)) for one in told.sentences], np.float64)
    known = np.isfinite(human)
    scores, human, image = told.scores[known], human[known], told.image[known]
    yield Matched(PEARSON, pearson(scores, human, image, told.images))
    ranked = (rankdata(scores), rankdata(human)) if len(scores) else (scores, human)
    yield Matched(SPEARMAN, pearson(*ranked, image, told.images))


def spoken_phrases(one: ToldSentence) -> tuple[str, str]:
    """Returns the wrong words as the set has them, and the misaligned ones with commas between."""
    phrases = ", ".join(phrase.spoken(one.text).lower() for phrase in one.phrases)
    return one.wrong_words, phrases


def cut_phrases(one: ToldSentence) -> tuple[str, str]:
    """Returns the text of the released spans, and that of the misaligned runs, as they stand."""
    marked = ", ".join(one.text[start:end] for start, end in one.spans)
    return marked, ", ".join(_cut(one.text, phrase) for phrase in one.phrases)


def entailment(
    told: Told, pair: Callable[[ToldSentence], tuple[str, str]], entails: Entails
) -> Matched:
    """Returns the mean probability that the wrong words entail those named; 0 where none is."""
    pairs = [pair(one) for one in told.sentences]
    asked = list(dict.fromkeys(found for found in pairs if found[1]))
    known: Mapping[Any, float] = dict(zip(asked, entails(asked), strict=True))
    values: Floats = np.array([known.get(found, 0.0) for found in pairs], np.float64)
    return Matched(ENTAILMENT, mean_of(values, told.image, told.images))


def _cut(text: str, phrase: Phrase) -> str:
    return text[phrase.words[0].start : phrase.words[-1].end]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
