import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alignbench.generators.errors import TooFewPromptsError
from alignbench.generators.prompts.templates import TemplatePrompts, TemplatesOptions
from alignbench.schemas.protocols import PromptItem, PromptSource, Surroundings

THINGS = ("dog", "cat", "cube")


def prompts(**options: Any) -> list[PromptItem]:
    source: PromptSource = TemplatePrompts(
        TemplatesOptions(**options), Surroundings("mine", Path())
    )
    return list(source.prompts())


def test_slots_are_filled_from_their_lists() -> None:
    found = prompts(
        templates=["A {colour} {thing}."],
        fillers={"colour": ["red", "blue"], "thing": THINGS},
        count=6,
    )
    assert {item.text for item in found} == {
        f"A {colour} {thing}." for colour in ("red", "blue") for thing in THINGS
    }
    assert all(item.text == "A {} {}.".format(*item.concepts) for item in found)


def test_slots_with_numbers_share_a_list_and_differ() -> None:
    found = prompts(
        templates=["A {thing} left of a {thing_2}, which looks at the {thing}."],
        fillers={"thing": THINGS},
        count=6,
    )
    pairs = {tuple(re.findall("dog|cat|cube", item.text)) for item in found}
    assert pairs == {(a, b, a) for a in THINGS for b in THINGS if a != b}


def test_the_seed_decides() -> None:
    options: dict[str, Any] = {
        "templates": ["{a} {a_2} {a_3}", "{a} and {a_2}"],
        "fillers": {"a": [f"word{n}" for n in range(40)]},
        "count": 50,
    }
    assert prompts(**options) == prompts(**options, seed=0)
    assert prompts(**options) != prompts(**options, seed=1)
    assert len({item.text for item in prompts(**options)}) == 50


def test_every_way_to_fill_a_template_is_as_likely() -> None:
    fillers = {"a": ("1", "2"), "b": ("3", "4", "5")}
    counts = Counter(
        prompts(templates=("{a}", "x {a} {b}"), fillers=fillers, count=1, seed=seed)[0]
        for seed in range(4000)
    )
    assert len(counts) == 8
    assert min(counts.values()) > 400


def test_a_vast_number_of_ways_costs_nothing() -> None:
    words = [f"word{n}" for n in range(1000)]
    slots = " ".join(f"{{w_{n}}}" for n in range(20))
    assert len(prompts(templates=[slots], fillers={"w": words}, count=100)) == 100


def test_more_prompts_than_there_are_ways_is_an_error() -> None:
    with pytest.raises(TooFewPromptsError, match="'mine' give 3 different prompts; 4 are wanted"):
        prompts(templates=["{thing}"], fillers={"thing": THINGS}, count=4)
    with pytest.raises(TooFewPromptsError, match="give 1 different"):
        prompts(templates=["Same.", "Same."], count=2)


def test_a_text_without_slots_and_a_meant_brace_are_fine() -> None:
    assert prompts(templates=["A {{cube}}."], count=1) == [PromptItem("A {cube}.")]


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("A {colour}.", "'colour' without fillers"),
        ("A {thing.upper}.", "not a plain name"),
        ("A {thing!r}.", "not a plain name"),
        ("A {thing:>9}.", "not a plain name"),
        ("A {}.", "not a plain name"),
        ("A {thing.", "cannot be read"),
        ("{thing_1} {thing_2} {thing_3} {thing_4}", "4 slots for the 3 fillers"),
    ],
)
def test_a_template_that_cannot_be_filled_is_named(template: str, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        TemplatesOptions(templates=(template,), fillers={"thing": THINGS}, count=1)


@pytest.mark.parametrize("fillers", [{"thing": []}, {"thing": ["dog", "dog"]}])
def test_a_list_of_fillers_has_each_once(fillers: Any) -> None:
    with pytest.raises(ValidationError, match="fillers"):
        TemplatesOptions(templates=("{thing}",), fillers=fillers, count=1)
