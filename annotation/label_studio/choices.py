"""What an annotator can choose: verdicts and types, with their keys, colours and definitions.

The page and the guidelines both take them from here, so that an annotator reads what the keys do.
"""

from typing import NamedTuple

from alignbench.schemas.vocabulary import HallucinationType, Verdict


class VerdictChoice(NamedTuple):
    """A verdict on the page.

    Attributes:
        hotkey: The key that gives it.
        definition: When to give it, as a sentence without a full stop.
    """

    hotkey: str
    definition: str


class TypeChoice(NamedTuple):
    """A hallucination type on the page.

    Attributes:
        hotkey: The key that chooses it.
        colour: What marked words are coloured with, as `#RRGGBB`.
        definition: What it covers, as a sentence without a full stop.
        examples: Two sentences with the wrong words between asterisks, and what the image shows
            instead.
    """

    hotkey: str
    colour: str
    definition: str
    examples: tuple[str, str]


VERDICTS: dict[Verdict, VerdictChoice] = {
    Verdict.CORRECT: VerdictChoice("1", "Everything the sentence says can be seen in the image"),
    Verdict.INCORRECT: VerdictChoice("2", "At least one thing the sentence says is wrong"),
    Verdict.UNKNOWN: VerdictChoice(
        "3",
        "It cannot be decided from this image: too vague, a matter of taste, unreadable, or "
        "outside the frame",
    ),
}

# Eight hues of Paul Tol's "muted" scheme (personal.sron.nl/~pault), made to stay apart under the
# common forms of colour-blindness, and a grey. A marked span also carries its type's name.
TYPES: dict[HallucinationType, TypeChoice] = {
    HallucinationType.ATTRIBUTE: TypeChoice(
        "a",
        "#DDCC77",
        "Wrong colour, size, material, state, pose or action of a thing that is there",
        (
            "The woman wears a *blue* suit. (It is orange.)",
            "A man is *running* along the beach. (He is standing.)",
        ),
    ),
    HallucinationType.OBJECT: TypeChoice(
        "o",
        "#CC6677",
        "A thing that is there, named wrongly",
        (
            "A *fox* lies on the rug. (It is a cat.)",
            "She holds a *violin*. (It is a guitar.)",
        ),
    ),
    HallucinationType.NUMBER: TypeChoice(
        "n",
        "#88CCEE",
        "A wrong count",
        (
            "*Three* cups stand on the table. (There is one.)",
            "*Several* boats lie at the pier. (There are two.)",
        ),
    ),
    HallucinationType.LOCATION: TypeChoice(
        "l",
        "#44AA99",
        "A wrong place in the frame",
        (
            "The helmet is in the *upper left* corner. (It is at the lower right.)",
            "A lamp stands *in the background*. (It is in front.)",
        ),
    ),
    HallucinationType.DIRECTION: TypeChoice(
        "d",
        "#117733",
        "Wrong gaze, facing, pointing or motion",
        (
            "The cat looks *away from the camera*. (It looks into it.)",
            "The train moves *to the left*. (It moves to the right.)",
        ),
    ),
    HallucinationType.TEXT: TypeChoice(
        "t",
        "#332288",
        "Writing that is misread",
        (
            "The sign says *OPEN*. (It says CLOSED.)",
            "His jersey bears the number *18*. (It is 13.)",
        ),
    ),
    HallucinationType.RELATION: TypeChoice(
        "r",
        "#999933",
        "Wrong placement of, or interaction between, two things",
        (
            "The spoon lies *under* the saucer. (It lies on it.)",
            "The girl is *feeding* the goat. (She strokes it.)",
        ),
    ),
    HallucinationType.ILLUSION: TypeChoice(
        "i",
        "#AA4499",
        "A thing with no counterpart in the image",
        (
            "*A small dog* sits beside her. (There is no animal.)",
            "The man wears *sunglasses*. (He wears none.)",
        ),
    ),
    HallucinationType.OTHER: TypeChoice(
        "x",
        "#777777",
        "Wrong in a way that none of these covers; say how in the note",
        (
            "*At night*, the rocket lifts off. (It is day.)",
            "This *painting* shows a harbour. (It is a photograph.)",
        ),
    ),
}
