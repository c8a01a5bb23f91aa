"""What an annotator can choose, with its key and colour; what it is called is in `texts`.

The page and the guidelines both take them from here, so that an annotator reads what the keys do.
"""

from typing import Final

from alignbench.schemas.vocabulary import HallucinationType, Verdict

VERDICT_KEYS: Final = {Verdict.CORRECT: "1", Verdict.INCORRECT: "2", Verdict.UNKNOWN: "3"}

TYPE_KEYS: Final = {
    HallucinationType.ATTRIBUTE: "a",
    HallucinationType.OBJECT: "o",
    HallucinationType.NUMBER: "n",
    HallucinationType.LOCATION: "l",
    HallucinationType.DIRECTION: "d",
    HallucinationType.TEXT: "t",
    HallucinationType.RELATION: "r",
    HallucinationType.ILLUSION: "i",
    HallucinationType.OTHER: "x",
}

TYPE_COLOURS: Final = {
    HallucinationType.ATTRIBUTE: "#DDCC77",
    HallucinationType.OBJECT: "#CC6677",
    HallucinationType.NUMBER: "#88CCEE",
    HallucinationType.LOCATION: "#44AA99",
    HallucinationType.DIRECTION: "#117733",
    HallucinationType.TEXT: "#332288",
    HallucinationType.RELATION: "#999933",
    HallucinationType.ILLUSION: "#AA4499",
    HallucinationType.OTHER: "#777777",
}
"""What marked words are coloured with, as `#RRGGBB`.

Eight hues of Paul Tol's "muted" scheme (personal.sron.nl/~pault), made to stay apart under the
common forms of colour-blindness, and a grey. A marked span also carries its type's name.
"""


def text_colour(background: str) -> str:
    """Returns black or white, whichever is read more easily on a colour.

    Args:
        background: As `#RRGGBB`.

    Returns:
        The one of higher contrast ratio (WCAG 2.2), which is 4.58 or more on any colour.
    """
    return "#000000" if _luminance(background) > _EVEN else "#FFFFFF"


_EVEN: Final = (1.05 * 0.05) ** 0.5 - 0.05
"""The relative luminance on which black and white are read equally well."""


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return sum(w * value for w, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
