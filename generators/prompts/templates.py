"""Prompts made of templates with slots and lists of what may fill them."""

import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from alignbench.generators.errors import TooFewPromptsError
from alignbench.models.endpoint.options import refusal
from alignbench.schemas.configuration.mistakes import refusing
from alignbench.schemas.plugins import PromptSourceBase
from alignbench.schemas.protocols import Options, PromptItem
from alignbench.schemas.text import clean_text

_NUMBERED: Final = re.compile(r"(?P<list>.+)_\d+")

_filled = refusing(
    lambda lists: any(len(set(words)) < len(words) or not words for words in lists.values()),
    "a list of fillers is empty or says the same twice",
    "Give each list its fillers, each once.",
)


class TemplatesOptions(Options):
    """Templates, and what may stand in their slots.

    Attributes:
        templates: Texts with slots in braces, such as `A {colour} {thing} left of {thing_2}.`
        fillers: For each slot's name, what may stand there. Slots whose names differ only in a
            number at the end (`thing`, `thing_2`) share a list and never get the same filler.
        count: How many prompts are wanted; all of them differ.
        seed: Of the draws. The same options give the same prompts.
    """

    templates: Annotated[tuple[str, ...], Field(min_length=1)]
    fillers: Annotated[dict[str, tuple[str, ...]], AfterValidator(_filled)] = Field(
        default_factory=dict
    )
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for template in self.templates:
            wrong = _what_is_wrong(template, self.fillers)
            if wrong is not None:
                raise refusal(
                    f"the template {template!r} {wrong}",
                    "Give each slot a list of that name in fillers; write a literal brace twice.",
                )
        return self


class TemplatePrompts(PromptSourceBase[TemplatesOptions]):
    """Templates with their slots filled at random; the fillers are a prompt's concepts.

    Every way to fill every template is equally likely.
    """

    def prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts.

        Raises:
            TooFewPromptsError: The templates cannot give as many different ones.
        """
        options = self.options
        plans = [_Plan.of(template, options.fillers) for template in options.templates]
        total = sum(plan.ways for plan in plans)
        seen: set[str] = set()
        for number in _in_random_order(total, options.count, options.seed):
            item = _item(plans, number)
            if item.text.strip() and item.text not in seen:
                seen.add(item.text)
                yield item
            if len(seen) == options.count:
                return
        raise TooFewPromptsError(
            f"The templates of {self.surroundings.name!r} give {len(seen):,} different prompts; "
            f"{options.count:,} are wanted.",
            "Give more templates or fillers, or lower the count.",
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """A template and the lists that its slots draw from.

    Attributes:
        slots: For each list, the slots that share it.
        ways: How many ways there are to fill the template.
    """

    template: str
    slots: Mapping[str, Sequence[str]]
    fillers: Mapping[str, Sequence[str]]
    ways: int

    @classmethod
    def of(cls, template: str, fillers: Mapping[str, Sequence[str]]) -> "_Plan":
        slots: dict[str, list[str]] = {}
        for slot in _slots(template):
            slots.setdefault(_list_of(slot, fillers), []).append(slot)
        ways = math.prod(math.perm(len(fillers[name]), len(own)) for name, own in slots.items())
        return cls(template, slots, fillers, ways)

    def filled(self, number: int) -> PromptItem:
        """Returns the prompt of one of the ways, which are numbered from 0."""
        chosen: dict[str, str] = {}
        for name, slots in self.slots.items():
            left = list(self.fillers[name])
            for slot in slots:
                number, place = divmod(number, len(left))
                chosen[slot] = left.pop(place)
        text = clean_text(self.template.format(**chosen)).text
        return PromptItem(text.strip(), tuple(dict.fromkeys(chosen.values())))


def _item(plans: Sequence[_Plan], number: int) -> PromptItem:
    for plan in plans:
        if number < plan.ways:
            return plan.filled(number)
        number -= plan.ways
    raise AssertionError("the number is below the sum of all ways")


def _in_random_order(total: int, wanted: int, seed: int) -> Iterator[int]:
    """Yields the numbers below `total`, each once, in an order that the seed decides."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated is what is wanted
    if total <= 4 * wanted:
        yield from chance.sample(range(total), total)
        return
    seen: set[int] = set()
    while len(seen) < total:
        number = chance.randrange(total)
        if number not in seen:
            seen.add(number)
            yield number


def _slots(template: str) -> list[str]:
    """Returns the names of a template's slots, each once, in order."""
    names = (name for _, name, _, _ in Formatter().parse(template) if name is not None)
    return list(dict.fromkeys(names))


def _list_of(slot: str, fillers: Mapping[str, Sequence[str]]) -> str:
    numbered = _NUMBERED.fullmatch(slot)
    return numbered["list"] if numbered and slot not in fillers else slot


def _what_is_wrong(template: str, fillers: Mapping[str, Sequence[str]]) -> str | None:
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        return f"cannot be read: {error}"
    for _, slot, form, conversion in parts:
        if slot is None:
            continue
        if form or conversion or not slot.isidentifier():
            return f"has a slot {slot!r} that is not a plain name"
        if _list_of(slot, fillers) not in fillers:
            return f"has a slot {slot!r} without fillers"
    plan = _Plan.of(template, fillers)
    for name, own in plan.slots.items():
        if len(own) > len(fillers[name]):
            return f"has {len(own)} slots for the {len(fillers[name])} fillers of {name!r}"
    return None
