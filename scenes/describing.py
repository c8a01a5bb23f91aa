"""Describes a scene in canonical English: one wording per fact, so that tiny models can learn it.

One sentence for each thing in reading order, then one about how two of them stand to each other:

    There are two small red circles in the top left. An arrow in the top right points down.
    The word CAT is in the bottom right. The red circles are to the left of the arrow.
"""

from alignbench.scenes.scene import Arrow, Group, Place, Scene, Shape, Thing, Word

COUNT_WORDS = {1: "a", 2: "two", 3: "three"}


def describe(scene: Scene) -> tuple[str, ...]:
    """Gives the sentences that together say all of a scene; each is true of it."""
    sentences = tuple(thing_sentence(thing) for thing in scene.things)
    if len(scene.things) < 2:
        return sentences
    return (*sentences, relation_sentence(scene))


def caption(scene: Scene) -> str:
    """Gives the whole description as one text."""
    return " ".join(describe(scene))


def thing_sentence(thing: Thing) -> str:
    """Says all of one thing."""
    match thing:
        case Arrow(heading, place):
            return f"An arrow in the {place} points {heading}."
        case Word(text, place):
            return f"The word {text} is in the {place}."
        case Group(count, size, colour, shape, place):
            verb = "is" if count == 1 else "are"
            words = f"{COUNT_WORDS[count]} {size} {colour} {noun(shape, count)}"
            return f"There {verb} {words} in the {place}."


def relation_sentence(scene: Scene) -> str:
    """Says how two things stand to each other: groups by colour, then the arrow, then the word."""
    first, second = sorted(scene.things, key=_mention_order)[:2]
    verb = "are" if isinstance(first, Group) and first.count > 1 else "is"
    where = relation(first.place, second.place)
    return f"The {_reference(first)} {verb} {where} the {_reference(second)}."


def noun(shape: Shape, count: int) -> str:
    """Gives the shape's name, plural if there are several."""
    if count == 1:
        return shape.value
    return shape.value + ("es" if shape is Shape.CROSS else "s")


def relation(first: Place, second: Place) -> str:
    """Says where a place lies, seen from another: above or below, if in another row."""
    if first.row != second.row:
        return "above" if first.row < second.row else "below"
    return "to the left of" if first.column < second.column else "to the right of"


def _mention_order(thing: Thing) -> tuple[int, str]:
    match thing:
        case Group():
            return 0, thing.colour
        case Arrow():
            return 1, ""
        case Word():
            return 2, ""


def _reference(thing: Thing) -> str:
    match thing:
        case Group():
            return f"{thing.colour} {noun(thing.shape, thing.count)}"
        case Arrow():
            return "arrow"
        case Word():
            return "word"
