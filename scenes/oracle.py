"""What is true of a sentence about a scene, word by word, by these rules.

A sentence outside the describer's language is `unknown`. Order of mention never matters.

There is a group (count, size, colour, shape, place):
  - It speaks of the group that agrees with it in at least two of place, colour and shape; of
    several, the one with the fewest wrong facts, then that of the same colour, then of the same
    place. Each fact that differs is a wrong span: the count is `number`, size and colour
    `attribute`, the noun `object`, the place `location`.
  - If none agrees so far, the thing is an `illusion`: “small red circles”, without the count.
There is an arrow, there is a word:
  - The arrow, or word, with the fewest wrong facts; what differs is `direction`, `text`,
    `location`. Without any in the scene “arrow” or “word CAT” is an `illusion`.
One thing stands so to another:
  - A reference to a group means one of that colour and shape; else one of that colour, and the
    noun is wrong (`object`); else the only one of that shape, and the colour is wrong
    (`attribute`); else it is an `illusion`. A wrong plural or singular is `number`, unless the noun
    is wrong already. A reference to the arrow or the word without one is an `illusion`.
  - If both are there and the relation holds between no two things that could be meant, its words
    are a wrong `relation`. Above and below compare rows, left and right compare columns: of things
    that stand askew, both hold.

Of an image whose pixels were read only in part, a sentence is `correct` if what was read confirms
it, and otherwise `unknown`: what contradicts it might be what could not be read.
"""

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

from alignbench.scenes.claims import (
    ArrowClaim,
    Claim,
    Fact,
    GroupClaim,
    Reference,
    RelationClaim,
    WordClaim,
    Words,
    read_sentence,
)
from alignbench.scenes.pixels import Reading, read_pixels
from alignbench.scenes.scene import Arrow, Group, Scene, Thing, Word
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType, Verdict

_UNKNOWN = SentenceTruth(Verdict.UNKNOWN)
_CORRECT = SentenceTruth(Verdict.CORRECT)


class _Mistake(NamedTuple):
    words: Words
    type: HallucinationType


def truth_of(image: Scene | Reading | bytes, sentence: str) -> SentenceTruth:
    """Gives the right answer for a sentence about an image.

    Args:
        image: What it shows, if that is known; what was read from its pixels; or a picture file's
            bytes, whose pixels are read first.
        sentence: One sentence; spans count from its start.
    """
    claim = read_sentence(sentence)
    if claim is None:
        return _UNKNOWN
    if isinstance(image, bytes):
        image = read_pixels(image)
    mistakes = sorted(_mistakes(claim, image.things))
    if not mistakes:
        return _CORRECT
    if isinstance(image, Reading) and image.unreadable:
        return _UNKNOWN
    spans = tuple(
        Span(start=words.start, end=words.end, type=type_, text=sentence[words.start : words.end])
        for words, type_ in mistakes
    )
    return SentenceTruth(Verdict.INCORRECT, spans)


def _mistakes(claim: Claim, things: tuple[Thing, ...]) -> list[_Mistake]:
    match claim:
        case GroupClaim():
            return _group_mistakes(claim, [thing for thing in things if isinstance(thing, Group)])
        case ArrowClaim():
            arrows = [thing for thing in things if isinstance(thing, Arrow)]
            return _fewest(
                claim.phrase,
                [
                    _differing(
                        (claim.heading, arrow.heading, HallucinationType.DIRECTION),
                        (claim.place, arrow.place, HallucinationType.LOCATION),
                    )
                    for arrow in arrows
                ],
            )
        case WordClaim():
            words = [thing for thing in things if isinstance(thing, Word)]
            return _fewest(
                claim.phrase,
                [
                    _differing(
                        (claim.text, word.text, HallucinationType.TEXT),
                        (claim.place, word.place, HallucinationType.LOCATION),
                    )
                    for word in words
                ],
            )
        case RelationClaim():
            return _relation_mistakes(claim, things)


def _group_mistakes(claim: GroupClaim, groups: list[Group]) -> list[_Mistake]:
    def agreed(group: Group) -> int:
        return (
            (group.place == claim.place.value)
            + (group.colour == claim.colour.value)
            + (group.shape == claim.shape.value)
        )

    def preference(group: Group) -> tuple[int, bool, bool]:
        return (
            len(_group_differences(claim, group)),
            group.colour != claim.colour.value,
            group.place != claim.place.value,
        )

    meant = sorted((group for group in groups if agreed(group) >= 2), key=preference)
    return _fewest(claim.phrase, [_group_differences(claim, group) for group in meant[:1]])


def _group_differences(claim: GroupClaim, group: Group) -> list[_Mistake]:
    return _differing(
        (claim.count, group.count, HallucinationType.NUMBER),
        (claim.size, group.size, HallucinationType.ATTRIBUTE),
        (claim.colour, group.colour, HallucinationType.ATTRIBUTE),
        (claim.shape, group.shape, HallucinationType.OBJECT),
        (claim.place, group.place, HallucinationType.LOCATION),
    )


def _relation_mistakes(claim: RelationClaim, things: tuple[Thing, ...]) -> list[_Mistake]:
    first, second = _meant(claim.first, things), _meant(claim.second, things)
    mistakes = [*_misnamed(claim.first, first), *_misnamed(claim.second, second)]
    pairs = product(first, second)
    if first and second and not any(_holds(claim.relation.value, *pair) for pair in pairs):
        mistakes.append(_Mistake(claim.relation.words, HallucinationType.RELATION))
    return mistakes


def _meant(reference: Reference, things: tuple[Thing, ...]) -> list[Thing]:
    """Gives the things that a reference could mean, all equally well."""
    if reference.colour is None or reference.shape is None:
        return [thing for thing in things if isinstance(thing, reference.kind)]
    colour, shape = reference.colour.value, reference.shape.value
    groups = [thing for thing in things if isinstance(thing, Group)]
    coloured = [group for group in groups if group.colour == colour]
    shaped = [group for group in groups if group.shape == shape]
    exact = [group for group in coloured if group.shape == shape]
    return list(exact or coloured or (shaped if len(shaped) == 1 else []))


def _misnamed(reference: Reference, meant: list[Thing]) -> list[_Mistake]:
    if not meant:
        return [_Mistake(reference.phrase, HallucinationType.ILLUSION)]
    if reference.colour is None or reference.shape is None:
        return []
    groups = [thing for thing in meant if isinstance(thing, Group)]
    noun = reference.shape.words
    if all(group.shape != reference.shape.value for group in groups):
        return [_Mistake(noun, HallucinationType.OBJECT)]
    mistakes = []
    if all(group.colour != reference.colour.value for group in groups):
        mistakes.append(_Mistake(reference.colour.words, HallucinationType.ATTRIBUTE))
    if all((group.count > 1) != reference.plural for group in groups):
        mistakes.append(_Mistake(noun, HallucinationType.NUMBER))
    return mistakes


def _holds(relation: str, first: Thing, second: Thing) -> bool:
    here, there = first.place, second.place
    return {
        "above": here.row < there.row,
        "below": here.row > there.row,
        "to the left of": here.column < there.column,
        "to the right of": here.column > there.column,
    }[relation]


def _differing(*facts: tuple[Fact[Any], object, HallucinationType]) -> list[_Mistake]:
    return [_Mistake(fact.words, type_) for fact, true, type_ in facts if fact.value != true]


def _fewest(phrase: Words, candidates: Iterable[list[_Mistake]]) -> list[_Mistake]:
    """Gives the mistakes about the thing that is meant, or that there is no such thing."""
    return min(candidates, key=len, default=[_Mistake(phrase, HallucinationType.ILLUSION)])
