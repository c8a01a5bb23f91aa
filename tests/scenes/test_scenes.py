import re
from collections import Counter

import pytest
from hypothesis import given

from alignbench.scenes.describing import caption, describe
from alignbench.scenes.drawing import png
from alignbench.scenes.prompts import sample_prompts
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.scene import Arrow, Group, Heading, Place, Scene, Word
from tests.scenes.worlds import scenes

MANY = list(sample_scenes(2000, seed=5))


@given(scenes)
def test_a_scene_has_two_to_five_things_in_places_of_their_own(scene: Scene) -> None:
    counts = [thing.count if isinstance(thing, Group) else 1 for thing in scene.things]
    assert 2 <= sum(counts) <= 5
    assert len({thing.place for thing in scene.things}) == len(counts)
    assert len({group.colour for group in scene.groups}) == len(scene.groups)


@given(scenes)
def test_a_description_has_a_sentence_for_each_thing_and_one_for_a_relation(scene: Scene) -> None:
    assert len(describe(scene)) == len(scene.things) + 1
    assert 3 <= len(describe(scene)) <= 6
    assert re.split(r"(?<=\.) ", caption(scene)) == list(describe(scene))


def test_the_same_seed_gives_the_same_scenes_and_pixels() -> None:
    again = list(sample_scenes(2000, seed=5))
    assert again == MANY
    assert png(again[0]) == png(MANY[0])
    assert list(sample_scenes(20, seed=6)) != MANY[:20]


def test_every_kind_of_fact_and_relation_is_common() -> None:
    things = [thing for scene in MANY for thing in scene.things]
    kinds = Counter(type(thing) for thing in things)
    assert all(kinds[kind] > 500 for kind in (Group, Arrow, Word))
    assert Counter(t.count for t in things if isinstance(t, Group)).keys() == {1, 2, 3}
    relations = Counter(
        re.search("above|below|left|right", describe(scene)[-1])[0]  # type: ignore[index]
        for scene in MANY
    )
    assert min(relations.values()) > 200


def test_things_in_one_place_are_no_scene() -> None:
    arrow = Arrow(Heading.UP, Place.TOP_LEFT)
    with pytest.raises(ValueError, match="share a place"):
        Scene((arrow, arrow))


def test_a_prompt_says_all_of_its_scene() -> None:
    for prompt in sample_prompts(100, 1, seed=1):
        assert prompt.text in describe(prompt.scene)
        assert prompt.text.count(".") == 1
    for prompt in sample_prompts(100, 3, seed=1):
        assert prompt.text == caption(prompt.scene)
        assert prompt.text.count(".") == 3


def test_a_prompt_has_one_sentence_or_three() -> None:
    with pytest.raises(ValueError, match="not 2"):
        next(sample_prompts(1, 2, seed=1))
