"""How far labels made from simulated annotators' answers agree with the oracle.

The answers become labels as `alignbench label` makes them: majority of verdicts, spans by word.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.majority import majority
from alignbench.release.labels.spans import agree_on_spans
from alignbench.release.words import words
from alignbench.scenes.annotators import (
    CAREFUL,
    HASTY,
    LENIENT,
    LOOSE,
    SPAMMER,
    AnnotatorProfile,
    Answer,
    simulate_answer,
)
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.rows.spans import Span, VotedSpan
from alignbench.schemas.vocabulary import HallucinationType, Verdict
from benchmarks.scenes.captioning import Captioned, Judged
from benchmarks.scenes.figures import share, show

THREE = {"ada": CAREFUL, "ben": HASTY, "cleo": LOOSE}
FOUR = {**THREE, "dan": LENIENT}
CROWDS: Mapping[str, Mapping[str, AnnotatorProfile]] = {
    "three annotators": THREE,
    "four annotators, one biased to correct": FOUR,
    "these four and a second careful one": {**FOUR, "eve": CAREFUL},
    "these four and a spammer": {**FOUR, "eve": SPAMMER},
}


class _Compared(NamedTuple):
    """A label, or an answer, beside the truth; wrong words by index, with their types."""

    is_same_verdict: bool
    marked: frozenset[tuple[int, HallucinationType]]
    wrong: frozenset[tuple[int, HallucinationType]]


def print_labels(captioned: Mapping[str, Sequence[Captioned]]) -> None:
    """Prints agreement of labels, and of each annotator alone, with the oracle."""
    scenes = len(next(iter(captioned.values())))
    by_scene = [
        [
            (f"{name}:{index}:{place}", said)
            for name, written in captioned.items()
            for place, said in enumerate(written[index].sentences)
        ]
        for index in range(scenes)
    ]
    for annotator, profile in {**FOUR, "eve": SPAMMER}.items():
        alone = [[_alone(key, said, annotator, profile) for key, said in u] for u in by_scene]
        _show(f"{profile.name} annotator alone", alone)
    for crowd, profiles in CROWDS.items():
        _show(crowd, [[_together(key, said, profiles) for key, said in u] for u in by_scene])


def _show(who: str, compared: Sequence[Sequence[_Compared]]) -> None:
    show(
        f"{who}: verdicts that agree with the oracle", compared, share(lambda c: c.is_same_verdict)
    )
    show(f"{who}: F1 of wrong words", compared, lambda units: _f1(units, typed=False))
    show(f"{who}: F1 of wrong words with their types", compared, lambda u: _f1(u, typed=True))


def _alone(key: str, said: Judged, annotator: str, profile: AnnotatorProfile) -> _Compared:
    answer = _answer(key, said, annotator, profile)
    return _compared(said, answer.verdict, answer.spans)


def _together(key: str, said: Judged, crowd: Mapping[str, AnnotatorProfile]) -> _Compared:
    answers = [_answer(key, said, *person) for person in crowd.items()]
    given = [answer.verdict for answer in answers]
    counts = np.array([[given.count(verdict) for verdict in VERDICTS]])
    verdict = VERDICTS[int(majority(counts)[0])]
    spans: Sequence[Span | VotedSpan] = ()
    if verdict is Verdict.INCORRECT:
        marked = [answer.spans for answer in answers if answer.verdict is verdict]
        spans = agree_on_spans(said.text, marked).spans
    return _compared(said, verdict, spans)


def _answer(key: str, said: Judged, annotator: str, profile: AnnotatorProfile) -> Answer:
    return simulate_answer(said.truth, said.text, profile, f"{annotator}:{key}")


def _compared(said: Judged, verdict: Verdict, spans: Sequence[Span | VotedSpan]) -> _Compared:
    truth: SentenceTruth = said.truth
    return _Compared(
        verdict is truth.verdict, _words(said.text, spans), _words(said.text, truth.spans)
    )


def _words(
    text: str, spans: Sequence[Span | VotedSpan]
) -> frozenset[tuple[int, HallucinationType]]:
    return frozenset(
        (index, span.type)
        for index, word in enumerate(words(text))
        for span in spans
        if word.start < span.end and span.start < word.end
    )


def _f1(units: Sequence[Sequence[_Compared]], *, typed: bool) -> float:
    hits = marked = wrong = 0
    for one in chain(*units):
        mine, true = (
            {pair if typed else pair[0] for pair in pairs} for pairs in (one.marked, one.wrong)
        )
        hits, marked, wrong = hits + len(mine & true), marked + len(mine), wrong + len(true)
    return 2 * hits / (marked + wrong) if marked + wrong else float("nan")
