"""The table of CLIP4DM's own evaluation, for a release of one of its sets."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

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
from alignbench.evaluation.analyses.clip4dm_sets.measures import (
    AVERAGE_PRECISION,
    ENTAILMENT,
    F1,
    LOCATION,
    PRECISION,
    RECALL,
    Entails,
    Matched,
    correlations,
    counts_by_index,
    counts_by_place,
    cut_phrases,
    entailment,
    located_by_lowest_phrase,
    located_by_lowest_word,
    location,
    lowest_phrase_is_marked,
    lowest_word_is_marked,
    precision_of_scores,
    spoken_phrases,
    token_measures,
)
from alignbench.evaluation.analyses.clip4dm_sets.sets import SETS, WordSet
from alignbench.evaluation.analyses.clip4dm_sets.told import Told, told_sentences
from alignbench.evaluation.scores.scored import Coded, Scored, Sentences
from alignbench.reporting.jackknife import Estimate

PUBLISHED, OFFSETS = "published", "offsets"
EVERY: Final = "all"

_SCHEMA: Final = {
    "detector": TEXT,
    "group": TEXT,
    "measure": TEXT,
    "matching": TEXT,
    "value": NUMBER,
    **INTERVAL,
    "positive": TEXT,
    "base_rate": NUMBER,
    "sentences": COUNT,
    "not_located": COUNT,
}
_LOCATED: Final = {
    "foil": (located_by_lowest_word, lowest_word_is_marked),
    "nocaps_foil": (located_by_lowest_word, lowest_word_is_marked),
    "hat": (located_by_lowest_phrase, lowest_phrase_is_marked),
}
_OF_MISALIGNED: Final = {
    "hat": (LOCATION,),
    "rich_hf": (PRECISION, RECALL, F1),
    "seetrue_feedback": (ENTAILMENT,),
}
"""Measures of the words that a detector finds misaligned, which takes a threshold."""
_EVERY_OF_MISALIGNED: Final = {name for names in _OF_MISALIGNED.values() for name in names}
_NO_THRESHOLD: Final = "The detector has no score below which a word counts as misaligned."


class Judge(NamedTuple):
    """The NLI model that says what entails what, and its name."""

    name: str
    entails: Entails


def clip4dm_evaluation(
    sentences: Sentences, detectors: Sequence[Scored], judge: Judge | None
) -> Analysis | None:
    """Returns the measures of a set that CLIP4DM is measured on; None for any other release.

    Args:
        sentences: Of the release.
        detectors: Those with a result.
        judge: For entailment, if a model was named.
    """
    word_set = SETS.get(sentences.import_kind or "")
    if word_set is None or sentences.import_kind is None:
        return None
    remembering = None if judge is None else judge._replace(entails=_remembering(judge.entails))
    rows: list[dict[str, Any]] = []
    for detector in detectors:
        whole = told_sentences(sentences, detector, word_set)
        for group, told in _groups(sentences, detector, word_set, whole):
            rows += _rows(sentences.import_kind, word_set, told, remembering,
                          {"detector": detector.name, "group": group})  # fmt: skip
    return Analysis(
        "clip4dm_evaluation",
        "The set's own evaluation, as CLIP4DM reports it",
        f"Each measure twice. `{PUBLISHED}`: as the code of CLIP4DM's authors computes it, from "
        f"the set's own labels and by comparing words. `{OFFSETS}`: from the release's labels, a "
        "word being wrong where it overlaps a span, without the sentences whose wrong words could "
        f"not be located (`not_located`). `{LOCATION}`: of the lowest word, for HAT of the lowest "
        f"run of misaligned words. `{AVERAGE_PRECISION}`: of the detector's score, `positive` "
        "being the class that is looked for and `base_rate` its share, which chance has. "
        f"`{ENTAILMENT}`: of the words that are named from those that are wrong, by the NLI model "
        f"{judge.name if judge else '(none was named)'}. Intervals are 95 %, by leaving out one "
        "image at a time.",
        table_of(_SCHEMA, rows),
        None,
    )


def _remembering(entails: Entails) -> Entails:
    """Returns the same, asked once about each pair: detectors and groups share many."""
    known: dict[tuple[str, str], float] = {}

    def asked(pairs: list[tuple[str, str]]) -> list[float]:
        fresh = [pair for pair in pairs if pair not in known]
        known.update(zip(fresh, entails(fresh), strict=True))
        return [known[pair] for pair in pairs]

    return asked


def _groups(
    sentences: Sentences, detector: Scored, word_set: WordSet, whole: Told
) -> Iterator[tuple[str, Told]]:
    yield EVERY, whole
    if word_set.group is None:
        return
    column: Coded = getattr(sentences, word_set.group)
    codes = column.codes[detector.there]
    for code, name in enumerate(column.names):
        if (codes == code).any():
            yield name, whole.only(codes == code)


def _rows(
    kind: str, word_set: WordSet, told: Told, judge: Judge | None, named: dict[str, str]
) -> Iterator[dict[str, Any]]:
    located = told.only(told.located)
    for matching, one in ((PUBLISHED, told), (OFFSETS, located)):
        for found in _measures(kind, word_set, one, judge, matching):
            columns = {
                **named,
                "measure": found.measure,
                "matching": matching,
                "positive": None if found.positive is None else found.positive.value,
                "base_rate": found.base_rate,
                "why_null": _why_null(found, one, judge),
                "sentences": len(one.sentences),
                "not_located": int(np.count_nonzero(~told.located)),
            }
            yield with_interval(columns, "value", found.value)


def _measures(
    kind: str, word_set: WordSet, told: Told, judge: Judge | None, matching: str
) -> Iterator[Matched]:
    is_published = matching == PUBLISHED
    right = told.original if is_published else told.correct
    yield precision_of_scores(told, right, word_set.positive)
    if kind == "rich_hf":
        yield from correlations(told)
    if not told.has_words:
        return
    if kind in _OF_MISALIGNED and not told.has_threshold:
        yield from (Matched(name, Estimate.unknown(told.images)) for name in _OF_MISALIGNED[kind])
        return
    if kind in _LOCATED:
        yield location(told, _LOCATED[kind][0 if is_published else 1], right)
    if kind == "rich_hf":
        yield from token_measures(told, counts_by_index if is_published else counts_by_place)
    if kind == "seetrue_feedback":
        pair = spoken_phrases if is_published else cut_phrases
        unknown = Matched(ENTAILMENT, Estimate.unknown(told.images))
        yield entailment(told, pair, judge.entails) if judge else unknown


def _why_null(found: Matched, told: Told, judge: Judge | None) -> str | None:
    if not np.isnan(found.value.value):
        return None
    if found.positive is not None:
        return f"It has no {found.positive.value} sentence."
    if found.measure in _EVERY_OF_MISALIGNED and not told.has_threshold:
        return _NO_THRESHOLD
    if found.measure == ENTAILMENT and judge is None:
        return "No NLI model was named: evaluate with --entailment MODEL."
    return "There is nothing that it could be computed from."
