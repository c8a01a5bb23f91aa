import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.scenes.describing import describe, noun, relation_sentence, thing_sentence
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.pixels import Reading
from alignbench.scenes.scene import (
    MAX_COUNT,
    WORDS,
    Arrow,
    Colour,
    Group,
    Heading,
    Place,
    Scene,
    Shape,
    Size,
    Thing,
    Word,
)
from alignbench.schemas.vocabulary import Verdict
from tests.scenes.worlds import scenes

SCENE = Scene(
    (
        Group(2, Size.SMALL, Colour.RED, Shape.CIRCLE, Place.TOP_LEFT),
        Arrow(Heading.DOWN, Place.TOP_RIGHT),
        Group(1, Size.LARGE, Colour.BLUE, Shape.CROSS, Place.BOTTOM_LEFT),
        Word("CAT", Place.BOTTOM_RIGHT),
    )
)
NO_EXTRAS = Scene(SCENE.things[:1] + SCENE.things[2:3])

# Wrong words stand in brackets, with their type's name before them.
WRONG = [
    "There are [number three] small red circles in the top left.",
    "There is [number a] small red circle in the top left.",
    "There are two [attribute large] red circles in the top left.",
    "There are two small [attribute green] circles in the top left.",
    "There are two small red [object squares] in the top left.",
    "There are two small red circles in the [location bottom right].",
    "There are [number three] [attribute large] red [object crosses] in the top left.",
    "There is a [illusion large yellow square] in the top left.",
    "There is a [illusion small blue triangle] in the top right.",
    "An arrow in the top right points [direction left].",
    "An arrow in the [location bottom left] points [direction up].",
    "The word [text DOG] is in the bottom right.",
    "The word CAT is in the [location top left].",
    "The red circles are [relation below] the blue cross.",
    "The red circles are [relation to the left of] the blue cross.",
    "The blue cross is [relation to the right of] the word.",
    "The red [object squares] are above the blue cross.",
    "The [attribute green] circles are above the blue cross.",
    "The red [number circle] is above the blue cross.",
    "The [illusion green square] is above the blue cross.",
    "The red [object squares] are [relation below] the blue cross.",
    "The arrow is [relation above] the arrow.",
]
RIGHT = [
    "There are two small red circles in the top left.",
    "The blue cross is below the red circles.",
    "The red circles are above the blue cross.",
    "The red circles are above the word.",
    "The red circles are to the left of the word.",
    "The arrow is to the right of the blue cross.",
]
UNREAD = [
    "",
    "A cat sleeps on a sofa.",
    "There is two small red circles in the top left.",
    "There are two small red circle in the top left.",
    "there are two small red circles in the top left.",
    "There are two small red circles in the top left",
    "There are two small red circles in the top left. An arrow in the top right points down.",
    "The red circles is above the blue cross.",
]


@pytest.mark.parametrize("marked", WRONG)
def test_each_wrong_word_is_found_with_its_type(marked: str) -> None:
    sentence = re.sub(r"\[\w+ ([^]]*)\]", r"\1", marked)
    truth = truth_of(SCENE, sentence)
    assert truth.verdict is Verdict.INCORRECT
    for span in reversed(truth.spans):
        assert sentence[span.start : span.end] == span.text
        sentence = f"{sentence[: span.start]}[{span.type} {span.text}]{sentence[span.end :]}"
    assert sentence == marked


@pytest.mark.parametrize("sentence", RIGHT)
def test_a_true_sentence_is_correct_in_any_order_of_mention(sentence: str) -> None:
    assert truth_of(SCENE, sentence).verdict is Verdict.CORRECT


@pytest.mark.parametrize("sentence", UNREAD)
def test_a_sentence_outside_the_language_is_unknown(sentence: str) -> None:
    assert truth_of(SCENE, sentence).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("An arrow in the top right points down.", "arrow"),
        ("The word CAT is in the bottom right.", "word CAT"),
        ("The red circles are above the arrow.", "arrow"),
        ("The word is below the red circles.", "word"),
    ],
)
def test_a_thing_that_is_not_there_is_an_illusion(sentence: str, text: str) -> None:
    (span,) = truth_of(NO_EXTRAS, sentence).spans
    assert (span.type, span.text) == ("illusion", text)


def test_space_around_a_sentence_shifts_its_spans() -> None:
    (span,) = truth_of(SCENE, "  The word DOG is in the bottom right. ").spans
    assert (span.start, span.end) == (11, 14)


def test_what_cannot_be_read_leaves_a_contradicted_sentence_unknown() -> None:
    reading = Reading(SCENE.things[:1], (Place.BOTTOM_LEFT,))
    assert truth_of(reading, describe(SCENE)[0]).verdict is Verdict.CORRECT
    assert truth_of(reading, describe(SCENE)[2]).verdict is Verdict.UNKNOWN


@given(scenes)
def test_every_sentence_of_the_describer_is_correct(scene: Scene) -> None:
    assert {truth_of(scene, sentence).verdict for sentence in describe(scene)} == {Verdict.CORRECT}


@given(scenes, st.data())
def test_one_changed_fact_is_the_one_wrong_span(scene: Scene, data: st.DataObject) -> None:
    thing = data.draw(st.sampled_from(scene.things))
    field, value, error_type = data.draw(st.sampled_from(_changes(thing, scene)))
    sentence = thing_sentence(replace(thing, **{field: value}))
    truth = truth_of(scene, sentence)
    assert truth.verdict is Verdict.INCORRECT
    (span,) = truth.spans
    before, after = _words(thing_sentence(thing)), _words(sentence)
    assert span.type == error_type
    changed = set(after) - set(before) - {"is", "are"}
    # Another count changes the noun's ending too; the count is what is wrong.
    assert changed - (_nouns() if field == "count" else set()) <= set(_words(span.text))


@given(scenes)
def test_a_relation_turned_round_is_a_wrong_relation(scene: Scene) -> None:
    opposite = {"above": "below", "below": "above", "left": "right", "right": "left"}
    sentence = relation_sentence(scene)
    turned = re.sub("above|below|left|right", lambda found: opposite[found[0]], sentence)
    (span,) = truth_of(scene, turned).spans
    assert span.type == "relation"
    assert span.text in turned


def _changes(thing: Thing, scene: Scene) -> list[tuple[str, Any, str]]:
    """Lists what could be said wrongly of a thing without it becoming true of another."""
    free = [place for place in Place if place not in {other.place for other in scene.things}]
    places = [("place", place, "location") for place in free]
    match thing:
        case Arrow():
            headings = [h for h in Heading if h != thing.heading]
            return places + [("heading", heading, "direction") for heading in headings]
        case Word():
            return places + [("text", word, "text") for word in WORDS if word != thing.text]
        case Group():
            used = {group.colour for group in scene.groups}
            return [
                *places,
                *(("count", n, "number") for n in range(1, MAX_COUNT + 1) if n != thing.count),
                *(("size", size, "attribute") for size in Size if size != thing.size),
                *(("colour", colour, "attribute") for colour in Colour if colour not in used),
                *(("shape", shape, "object") for shape in Shape if shape != thing.shape),
            ]


def _words(text: str) -> list[str]:
    return text.rstrip(".").split()


def _nouns() -> set[str]:
    return {noun(shape, count) for shape in Shape for count in (1, 2)}
