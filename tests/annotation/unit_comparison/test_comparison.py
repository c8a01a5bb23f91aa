"""Figures of sentences that were asked about both ways, each worked out by hand."""

from collections.abc import Sequence

import pytest

from alignbench.annotation.unit_comparison.comparison import (
    Better,
    ComparedFigure,
    Comparison,
    Outcome,
    compared,
    outcome_of,
)
from alignbench.annotation.unit_comparison.double_votes import DoubleVotes, Mark, Vote
from alignbench.annotation.unit_comparison.paired import paired_mean
from alignbench.annotation.unit_comparison.sentence_figures import (
    Pair,
    against_the_sentence_page,
    span_f1,
)
from alignbench.schemas.rows.annotation import Gold
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType, Verdict

C, I, U = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN  # noqa: E741
BLUE = Span(start=2, end=6, text="blue", type=HallucinationType.ATTRIBUTE)


def votes(names: str, *verdicts: Verdict, seconds: float = 10.0) -> tuple[Vote, ...]:
    return tuple(
        Vote(name, verdict, (), seconds, 2.0) for name, verdict in zip(names, verdicts, strict=True)
    )


def known(verdict: Verdict, *spans: Span) -> Gold:
    return Gold(sentence_id="s", verdict=verdict, spans=spans, source="test", version=1)


def asked(
    image: int,
    alone: Sequence[Vote],
    in_caption: Sequence[Vote],
    gold: Gold | None = None,
    position: int = 0,
) -> DoubleVotes:
    return DoubleVotes(f"image-{image}", position, tuple(alone), tuple(in_caption), gold)


def figure(found: Comparison, name: str) -> ComparedFigure:
    [one] = [one for one in found.figures if one.name == name]
    return one


def test_every_sentence_counts_alike_and_the_interval_is_over_images() -> None:
    # In three of six images half of what is called incorrect alone is not in the caption.
    found = compared(
        [asked(n, votes("ab", C, I), votes("cd", C, C if n < 3 else I)) for n in range(6)],
        margin=0.1,
    )
    said = figure(found, "said to be incorrect")
    assert (said.figure.alone, said.figure.in_caption) == (0.5, 0.25)
    assert said.figure.difference == pytest.approx(-0.25)
    # Three differences of -.5 and three of 0: their deviation is sqrt(.075); t(5) is 2.5706.
    margin = 2.5706 * 0.075**0.5 / 6**0.5
    assert said.figure.interval.low == pytest.approx(-0.25 - margin, abs=1e-4)
    assert said.figure.interval.high == pytest.approx(-0.25 + margin, abs=1e-4)
    assert said.outcome is Outcome.UNDECIDED
    # The error must come down from .1118 to .1 / 2.8016, and falls with the root of the images.
    assert said.figure.images_needed(0.1) == 59
    assert found.outcome is Outcome.UNDECIDED


def test_sentences_with_many_votes_count_no_more_than_others() -> None:
    many = asked(0, votes("abcd", I, I, I, I), votes("e", I))
    found = compared([many, asked(0, votes("a", C), votes("e", C))], margin=0.1)
    assert figure(found, "said to be incorrect").figure.alone == 0.5


def test_votes_in_captions_are_compared_with_those_on_the_sentence_alone() -> None:
    # Alone one pair of three agrees; of six pairs over the pages, c's one of three and d's two do.
    pair = against_the_sentence_page(asked(0, votes("abx", C, I, C), votes("cd", I, C)))
    assert pair == Pair(pytest.approx(1 / 3), pytest.approx(3 / 6))


def test_nobody_is_compared_with_themselves() -> None:
    assert against_the_sentence_page(asked(0, votes("ab", C, C), votes("a", I))) == Pair(1.0, 0.0)
    assert against_the_sentence_page(asked(0, votes("a", C), votes("b", C))) is None


def test_misses_false_alarms_and_unknowns_are_told_of_known_answers() -> None:
    sentences = []
    for n in range(6):
        sentences.append(asked(n, votes("ab", I, I), votes("cd", C, U), known(I, BLUE)))
        sentences.append(asked(n, votes("ab", C, I), votes("cd", C, C), known(C), position=1))
    found = compared(sentences, margin=0.1)
    missed = figure(found, "known errors that are called correct").figure
    assert (missed.alone, missed.in_caption, missed.sentences) == (0.0, 0.5, 6)
    alarms = figure(found, "known correct sentences that are called incorrect").figure
    assert (alarms.alone, alarms.in_caption) == (0.5, 0.0)
    unknown = figure(found, "known right or wrong, and called unknown").figure
    assert (unknown.alone, unknown.in_caption) == (0.0, 0.25)
    first, second = found.positions
    assert (first.position, first.missed, first.known_incorrect) == (1, Pair(0.0, 0.5), 6)
    assert (second.position, second.missed, second.incorrect) == (2, None, Pair(0.5, 0.0))


def test_seconds_for_a_right_verdict_are_all_seconds_by_right_verdicts() -> None:
    sentences = [
        asked(n, votes("ab", I, I), votes("cd", I, C if n % 2 else I, seconds=3.0), known(I))
        for n in range(6)
    ]
    found = compared(sentences, margin=0.1)
    took = figure(found, "seconds for a right verdict").figure
    assert (took.alone, took.in_caption) == (pytest.approx(10.0), pytest.approx(3.0 / 0.75))
    assert figure(found, "seconds a sentence").figure.difference == pytest.approx(-7.0)


def test_marks_are_scored_by_character() -> None:
    half = Vote("a", I, (Mark(4, 8),), 1.0, 4.0)  # two of four characters, and two others
    nothing = Vote("b", C, (), 1.0, 2.0)
    assert span_f1([half, nothing], known(I, BLUE)) == pytest.approx((0.5 + 0) / 2)
    assert span_f1([half], known(I)) is None


@pytest.mark.parametrize(
    ("differences", "outcome"),
    [
        ([0.0, -0.01, 0.01, 0.0, -0.01, 0.01], Outcome.NOT_WORSE),
        ([-0.3, -0.31, -0.29, -0.3, -0.32, -0.28], Outcome.WORSE),
        ([-0.3, 0.3, -0.3, 0.3, -0.3, 0.2], Outcome.UNDECIDED),
    ],
)
def test_the_whole_interval_decides(differences: list[float], outcome: Outcome) -> None:
    found = [(f"{n}", Pair(0.5, 0.5 + apart)) for n, apart in enumerate(differences)]
    assert outcome_of(paired_mean(found, is_share=True), Better.HIGHER, 0.05) is outcome
    mirrored = [(image, Pair(0.5, 1.0 - pair.in_caption)) for image, pair in found]
    assert outcome_of(paired_mean(mirrored, is_share=True), Better.LOWER, 0.05) is outcome


def test_where_no_image_differs_the_number_of_images_bounds_the_difference() -> None:
    same = [(f"{n}", Pair(0.0, 0.0)) for n in range(36)]
    low, high, _ = paired_mean(same, is_share=True).interval
    assert high == pytest.approx(1 - 0.025 ** (1 / 36))  # .0974
    assert low == -high
    assert outcome_of(paired_mean(same, is_share=True), Better.LOWER, 0.1) is Outcome.NOT_WORSE
    assert outcome_of(paired_mean(same[:30], is_share=True), Better.LOWER, 0.1) is Outcome.UNDECIDED
    assert paired_mean(same[:4], is_share=True).interval.why_null is not None


def test_one_figure_that_is_worse_makes_captions_worse() -> None:
    sentences = [
        asked(n, votes("ab", I, I), votes("cd", C, I if n == 3 else C), known(I)) for n in range(8)
    ]
    found = compared(sentences, margin=0.05)
    assert figure(found, "known errors that are called correct").outcome is Outcome.WORSE
    assert found.outcome is Outcome.WORSE
