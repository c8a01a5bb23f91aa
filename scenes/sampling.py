"""Random scenes, from a seed.

The groups of a scene differ in colour, so that “the red circles” names one of them. A scene has two
to five things, counting each shape; as many sentences as it has places taken, and one more, say all
of it.
"""

from collections.abc import Iterator
from random import Random

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

_MOST_THINGS = 5


def sample_scenes(count: int, seed: int, *, places: tuple[int, ...] = (2, 3, 4)) -> Iterator[Scene]:
    """Gives random scenes; the same seed gives the same ones.

    Args:
        count: How many.
        seed: Where randomness starts.
        places: How many of the four places are taken, each number as likely as the others.
    """
    rng = Random(seed)  # noqa: S311 (simulation, not cryptography)
    for _ in range(count):
        yield _sample(rng, rng.choice(places))


def _sample(rng: Random, taken: int) -> Scene:
    kinds = _kinds(rng, taken)
    groups = kinds.count(Group)
    counts = _counts(rng, groups, _MOST_THINGS - (taken - groups))
    colours = rng.sample(list(Colour), groups)
    places = sorted(rng.sample(list(Place), taken), key=list(Place).index)
    things: list[Thing] = []
    for kind, place in zip(kinds, places, strict=True):
        if kind is Arrow:
            things.append(Arrow(rng.choice(list(Heading)), place))
        elif kind is Word:
            things.append(Word(rng.choice(WORDS), place))
        else:
            size, shape = rng.choice(list(Size)), rng.choice(list(Shape))
            things.append(Group(counts.pop(), size, colours.pop(), shape, place))
    return Scene(tuple(things), rng.randrange(2**32))


def _kinds(rng: Random, taken: int) -> list[type[Thing]]:
    """Says what takes each place: an arrow or not, a word or not, and groups."""
    kinds: list[type[Thing]] = [Group] * taken
    extras: list[type[Thing]] = rng.sample([Arrow, Word], min(2, taken))
    for index, extra in zip(rng.sample(range(taken), len(extras)), extras, strict=True):
        if rng.random() < 0.5:
            kinds[index] = extra
    return kinds


def _counts(rng: Random, groups: int, most: int) -> list[int]:
    counts = [1] * groups
    wanted = [rng.randint(1, MAX_COUNT) for _ in range(groups)]
    for _ in range(MAX_COUNT - 1):
        for index in rng.sample(range(groups), groups):
            if counts[index] < wanted[index] and sum(counts) < most:
                counts[index] += 1
    return counts
