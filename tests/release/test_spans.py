"""Agreeing on wrong spans: by word, by type, and when nobody agrees."""

from hypothesis import given
from hypothesis import strategies as st

from alignbench.release.labels.spans import SpanAgreement, agree_on_spans
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType

TEXT = "A red ball lies on the green grass."


def mark(text: str, kind: str = "attribute") -> Span:
    start = TEXT.index(text)
    return Span(start=start, end=start + len(text), type=HallucinationType(kind), text=text)


def summary(*votes: list[Span]):
    label = agree_on_spans(TEXT, [tuple(spans) for spans in votes])
    return [(span.text, span.type.value, span.votes) for span in label.spans], label.agreement


def test_a_word_is_wrong_if_more_than_half_marked_it():
    found = summary([mark("red ball")], [mark("red")], [mark("A red")])
    assert found == ([("red", "attribute", 3)], SpanAgreement.CONSENSUS)


def test_half_is_not_enough():
    spans, agreement = summary([mark("red")], [mark("green")])
    assert agreement is SpanAgreement.SINGLE
    assert spans == [("red", "attribute", 1)]


def test_those_who_marked_nothing_count_among_those_who_said_incorrect():
    assert summary([mark("red")], [mark("red")], [], [])[1] is SpanAgreement.SINGLE


def test_runs_of_words_become_spans():
    one = [mark("red ball"), mark("green grass", "object")]
    two = [mark("ball", "attribute"), mark("red"), mark("grass", "object")]
    assert summary(one, two)[0] == [("red ball", "attribute", 2), ("grass", "object", 2)]


def test_a_mark_inside_a_word_is_a_mark_on_the_word():
    assert summary([mark("al")], [mark("ball")])[0] == [("ball", "attribute", 2)]


def test_the_type_is_that_of_most_who_marked_the_run():
    votes = [mark("red", "object")], [mark("red", "attribute")], [mark("red", "attribute")]
    assert summary(*votes) == ([("red", "attribute", 3)], SpanAgreement.CONSENSUS)


def test_a_tie_of_types_is_flagged_and_the_longer_marked_type_stands():
    votes = [mark("ball", "object")], [mark("red ball")], [mark("red"), mark("ball", "object")]
    assert summary(*votes) == ([("red ball", "attribute", 3)], SpanAgreement.TYPE_TIE)


def test_without_agreement_the_annotator_closest_to_the_others_stands():
    far, near, other = [mark("A")], [mark("ball lies", "object")], [mark("lies on the")]
    four = [mark("green")], far, near, other
    spans, agreement = summary(*four)
    assert agreement is SpanAgreement.SINGLE
    assert spans == [("ball lies", "object", 2)]


def test_the_spans_of_one_annotator_are_single():
    assert summary([mark("red"), mark("green")]) == (
        [("red", "attribute", 1), ("green", "attribute", 1)], SpanAgreement.SINGLE,
    )  # fmt: skip


def test_where_nobody_marked_anything_there_are_no_spans():
    label = agree_on_spans(TEXT, [(), ()])
    assert label == ((), SpanAgreement.MISSING)
    assert label.error_type is None


def test_the_error_type_is_that_of_the_best_voted_span():
    red, grass = mark("red", "attribute"), mark("grass", "object")
    best = agree_on_spans(TEXT, [(red, grass), (red, grass), (grass,)])
    assert best.error_type is HallucinationType.OBJECT


def test_the_error_type_is_that_of_the_first_span_in_a_tie():
    red, grass = mark("red", "attribute"), mark("grass", "object")
    assert agree_on_spans(TEXT, [(grass, red), (grass, red)]).error_type == "attribute"


texts = st.text(st.sampled_from("ab 猫🎈é.\n-"), min_size=1, max_size=30)


@st.composite
def texts_and_votes(draw):
    text = draw(texts)
    offsets = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 6))
    spans = st.builds(
        lambda place, kind: Span(
            start=place[0],
            end=min(place[0] + place[1], len(text)),
            type=kind,
            text=text[place[0] : min(place[0] + place[1], len(text))],
        ),
        offsets,
        st.sampled_from(HallucinationType),
    )
    votes = st.lists(st.lists(spans, max_size=3).map(tuple), min_size=1, max_size=5)
    return text, draw(votes)


@given(texts_and_votes())
def test_spans_have_the_text_they_say_and_votes_from_those_who_voted(case):
    text, votes = case
    label = agree_on_spans(text, votes)
    for span in label.spans:
        assert text[span.start : span.end] == span.text
        assert 1 <= span.votes <= len(votes) or label.agreement is SpanAgreement.SINGLE
    if label.agreement in (SpanAgreement.CONSENSUS, SpanAgreement.TYPE_TIE):
        pairs = zip(label.spans, label.spans[1:], strict=False)
        assert all(first.end <= second.start for first, second in pairs)


@given(texts_and_votes())
def test_the_order_of_the_annotators_changes_no_agreed_span(case):
    text, votes = case
    forward, backward = agree_on_spans(text, votes), agree_on_spans(text, votes[::-1])
    assert forward.agreement == backward.agreement
    if forward.agreement is SpanAgreement.CONSENSUS:
        assert forward == backward
