import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.scenes.annotators import (
    CAREFUL,
    HASTY,
    LENIENT,
    LOOSE,
    SPAMMER,
    AnnotatorProfile,
    simulate_answer,
)
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType, Verdict

PROFILES = (CAREFUL, HASTY, LOOSE, LENIENT, SPAMMER)
NEVER_ERRS = AnnotatorProfile(
    name="never-errs",
    misses_error=0.0,
    false_alarm=0.0,
    says_unknown=0.0,
    decides_undecidable=0.0,
    wrong_type=0.0,
    loosens_span=0.0,
)
SENTENCE = "Its eyes are bright blue, and two dogs sit on the left."
WRONG = SentenceTruth(
    Verdict.INCORRECT,
    (
        Span(start=13, end=24, type=HallucinationType.ATTRIBUTE, text="bright blue"),
        Span(start=34, end=38, type=HallucinationType.OBJECT, text="dogs"),
    ),
)


@st.composite
def judged_sentences(draw: st.DrawFn) -> tuple[str, SentenceTruth]:
    sentence = draw(
        st.text(alphabet="ab2 '.-,\n«»📷é狗", min_size=1, max_size=40).filter(lambda s: s.strip())
    )
    verdict = draw(st.sampled_from(list(Verdict)))
    if verdict is not Verdict.INCORRECT:
        return sentence, SentenceTruth(verdict)
    edges = draw(
        st.lists(st.integers(0, len(sentence)), min_size=2, max_size=6, unique=True).map(sorted)
    )
    spans = tuple(
        Span(
            start=start,
            end=end,
            type=draw(st.sampled_from(list(HallucinationType))),
            text=sentence[start:end],
        )
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    )
    return sentence, SentenceTruth(verdict, spans)


@given(judged_sentences(), st.sampled_from(PROFILES), st.text(max_size=8))
def test_spans_of_every_answer_are_whole_words_inside_the_sentence_and_disjoint(
    judged: tuple[str, SentenceTruth], profile: AnnotatorProfile, seed: str
) -> None:
    sentence, truth = judged
    answer = simulate_answer(truth, sentence, profile, seed)
    if answer.verdict is not Verdict.INCORRECT:
        assert answer.spans == ()
    elif not profile.omits_spans:
        assert answer.spans
    words = [match.span() for match in re.finditer(r"\w+", sentence)]
    end_of_last = 0
    for span in answer.spans:
        assert end_of_last <= span.start < span.end <= len(sentence)
        assert sentence[span.start : span.end] == span.text
        for edge in (span.start, span.end):
            assert not any(start < edge < end for start, end in words)
        end_of_last = span.end


@given(judged_sentences(), st.sampled_from(PROFILES), st.text(max_size=8))
def test_an_answer_follows_from_profile_and_seed_alone(
    judged: tuple[str, SentenceTruth], profile: AnnotatorProfile, seed: str
) -> None:
    sentence, truth = judged
    assert simulate_answer(truth, sentence, profile, seed) == simulate_answer(
        truth, sentence, profile, seed
    )


def test_an_answer_is_the_same_on_every_machine() -> None:
    answers = [simulate_answer(WRONG, SENTENCE, LOOSE, f"sentence-{i}") for i in range(5)]
    assert [[span.text for span in answer.spans] for answer in answers] == [
        ["bright blue", "dogs"],
        ["are bright blue", "dogs sit"],
        ["are bright blue", "dogs sit"],
        ["bright blue, and", "dogs sit"],
        ["two dogs"],
    ]


def test_who_never_errs_gives_the_truth() -> None:
    for truth in (WRONG, SentenceTruth(Verdict.CORRECT), SentenceTruth(Verdict.UNKNOWN)):
        answer = simulate_answer(truth, SENTENCE, NEVER_ERRS, "any")
        assert (answer.verdict, answer.spans) == (truth.verdict, truth.spans)


def test_a_loosened_span_takes_in_exactly_one_word_more() -> None:
    profile = replace(NEVER_ERRS, loosens_span=1.0)
    for i in range(20):
        first, second = simulate_answer(WRONG, SENTENCE, profile, str(i)).spans
        assert first.text in {"are bright blue", "bright blue, and"}
        assert second.text in {"two dogs", "dogs sit"}


def test_who_omits_spans_still_says_incorrect() -> None:
    answer = simulate_answer(WRONG, SENTENCE, replace(NEVER_ERRS, omits_spans=1.0), "any")
    assert answer == (Verdict.INCORRECT, ())


def test_a_wrong_type_is_never_the_true_one() -> None:
    profile = replace(NEVER_ERRS, wrong_type=1.0)
    for i in range(50):
        for true, marked in zip(
            WRONG.spans, simulate_answer(WRONG, SENTENCE, profile, str(i)).spans, strict=True
        ):
            assert marked.type is not true.type


def test_profiles_differ_in_how_often_they_see_an_error() -> None:
    one_error = SentenceTruth(Verdict.INCORRECT, WRONG.spans[:1])
    share_seen = {
        profile.name: sum(
            simulate_answer(one_error, SENTENCE, profile, str(i)).verdict is Verdict.INCORRECT
            for i in range(1000)
        )
        / 1000
        for profile in (CAREFUL, HASTY, LENIENT)
    }
    assert share_seen["careful"] > 0.9
    assert 0.65 < share_seen["hasty"] < 0.8
    assert share_seen["lenient"] < 0.25


def test_a_spammer_answers_without_looking() -> None:
    verdicts = Counter(
        simulate_answer(SentenceTruth(Verdict.CORRECT), SENTENCE, SPAMMER, str(i)).verdict
        for i in range(900)
    )
    for verdict in Verdict:
        assert 230 < verdicts[verdict] < 370


def test_a_blank_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="blank"):
        simulate_answer(SentenceTruth(Verdict.CORRECT), " \n", CAREFUL, "any")


def test_a_truth_that_contradicts_itself_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="incorrect does not go with 0 wrong spans"):
        SentenceTruth(Verdict.INCORRECT)
    with pytest.raises(ValueError, match="correct does not go with 2 wrong spans"):
        SentenceTruth(Verdict.CORRECT, WRONG.spans)
