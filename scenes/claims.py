"""Reads the describer's language: what a sentence claims, and which words claim it.

Anything else is not read at all: another wording, a word out of place, a verb that does not agree.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from alignbench.scenes.describing import COUNT_WORDS, noun
from alignbench.scenes.scene import Arrow, Colour, Group, Heading, Place, Shape, Size, Word

Value = TypeVar("Value")


class Words(NamedTuple):
    """A range of a sentence."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fact(Generic[Value]):
    """A value that a sentence names, and the words that name it."""

    value: Value
    words: Words


@dataclass(frozen=True, slots=True)
class GroupClaim:
    """There is such a group. `phrase` names it, without its count."""

    count: Fact[int]
    size: Fact[Size]
    colour: Fact[Colour]
    shape: Fact[Shape]
    place: Fact[Place]
    phrase: Words


@dataclass(frozen=True, slots=True)
class ArrowClaim:
    """There is such an arrow."""

    heading: Fact[Heading]
    place: Fact[Place]
    phrase: Words


@dataclass(frozen=True, slots=True)
class WordClaim:
    """There is such a word."""

    text: Fact[str]
    place: Fact[Place]
    phrase: Words


@dataclass(frozen=True, slots=True)
class Reference:
    """A thing that a sentence takes as known: a group by colour and shape, the arrow, the word.

    `kind` says which; colour, shape and whether there are several are None but for a group.
    """

    kind: type[Group] | type[Arrow] | type[Word]
    phrase: Words
    colour: Fact[Colour] | None = None
    shape: Fact[Shape] | None = None
    plural: bool | None = None


@dataclass(frozen=True, slots=True)
class RelationClaim:
    """The first thing stands so to the second."""

    first: Reference
    second: Reference
    relation: Fact[str]


Claim: TypeAlias = GroupClaim | ArrowClaim | WordClaim | RelationClaim

_PLACE = f"(?P<place>{'|'.join(Place)})"
_COUNTS = {word: count for count, word in COUNT_WORDS.items()}
_NOUNS = {noun(shape, count): (shape, count > 1) for shape in Shape for count in (1, 2)}


def _any(words: Iterable[object]) -> str:
    return "|".join(sorted(map(str, words), key=len, reverse=True))


def _reference_pattern(name: str) -> str:
    group = f"(?P<{name}_colour>{_any(Colour)}) (?P<{name}_noun>{_any(_NOUNS)})"
    return f"(?P<{name}>{group}|arrow|word)"


_GROUP = re.compile(
    f"There (?P<verb>is|are) (?P<count>{_any(_COUNTS)}) (?P<phrase>(?P<size>{_any(Size)}) "
    f"(?P<colour>{_any(Colour)}) (?P<noun>{_any(_NOUNS)})) in the {_PLACE}\\."
)
_ARROW = re.compile(f"An (?P<phrase>arrow) in the {_PLACE} points (?P<heading>{_any(Heading)})\\.")
_WORD = re.compile(f"The (?P<phrase>word (?P<text>[A-Z]+)) is in the {_PLACE}\\.")
_RELATION = re.compile(
    f"The {_reference_pattern('first')} (?P<verb>is|are) "
    "(?P<relation>above|below|to the left of|to the right of) "
    f"the {_reference_pattern('second')}\\."
)


def read_sentence(sentence: str) -> Claim | None:
    """Gives what a sentence claims, or None if it is not in the describer's language.

    Space around the sentence is allowed; ranges count from the start of `sentence` as it is given.
    """
    for pattern, read in (
        (_GROUP, _group),
        (_ARROW, _arrow),
        (_WORD, _word),
        (_RELATION, _relation),
    ):
        if match := re.compile(rf"\s*{pattern.pattern}\s*").fullmatch(sentence):
            return read(match)
    return None


def _group(match: re.Match[str]) -> GroupClaim | None:
    shape, plural = _NOUNS[match["noun"]]
    count = _COUNTS[match["count"]]
    if (match["verb"] == "are", count > 1) != (plural, plural):
        return None
    return GroupClaim(
        Fact(count, _words(match, "count")),
        Fact(Size(match["size"]), _words(match, "size")),
        Fact(Colour(match["colour"]), _words(match, "colour")),
        Fact(shape, _words(match, "noun")),
        _place(match),
        _words(match, "phrase"),
    )


def _arrow(match: re.Match[str]) -> ArrowClaim:
    heading = Fact(Heading(match["heading"]), _words(match, "heading"))
    return ArrowClaim(heading, _place(match), _words(match, "phrase"))


def _word(match: re.Match[str]) -> WordClaim:
    text = Fact(match["text"], _words(match, "text"))
    return WordClaim(text, _place(match), _words(match, "phrase"))


def _relation(match: re.Match[str]) -> RelationClaim | None:
    first, second = _reference(match, "first"), _reference(match, "second")
    if (match["verb"] == "are") != bool(first.plural):
        return None
    relation = Fact(match["relation"], _words(match, "relation"))
    return RelationClaim(first, second, relation)


def _reference(match: re.Match[str], name: str) -> Reference:
    phrase = _words(match, name)
    if match[name] == "arrow":
        return Reference(Arrow, phrase)
    if match[name] == "word":
        return Reference(Word, phrase)
    shape, plural = _NOUNS[match[f"{name}_noun"]]
    return Reference(
        Group,
        phrase,
        Fact(Colour(match[f"{name}_colour"]), _words(match, f"{name}_colour")),
        Fact(shape, _words(match, f"{name}_noun")),
        plural,
    )


def _place(match: re.Match[str]) -> Fact[Place]:
    return Fact(Place(match["place"]), _words(match, "place"))


def _words(match: re.Match[str], name: str) -> Words:
    return Words(*match.span(name))
