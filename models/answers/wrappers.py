"""Tags around the answer proper: what stands outside of them was on the way to it."""

import re
from typing import Final, NamedTuple

from alignbench.models.answers.quotation import Quotations

_TAG: Final = re.compile(
    r"<(?P<end>/)?(?P<name>answer|final_answer|response|conclusion)>"
    r"|(?P<begin_of_box><\|begin_of_box\|>)|(?P<end_of_box><\|end_of_box\|>)",
    re.IGNORECASE,
)


class Unwrapped(NamedTuple):
    """A text out of its wrapper.

    Attributes:
        text: What stood in it, white space trimmed; the text itself if it has no wrapper.
        outside: What stood around it, which is then no part of the answer.
        wrapper: The tag's name; empty without one.
    """

    text: str
    outside: str = ""
    wrapper: str = ""


def unwrapped(text: str, *, boxes: bool = False) -> Unwrapped:
    """Returns what stands between one opening and one closing tag.

    A text with other tags than one such pair is left as it is: which part would be the answer?

    Args:
        text: An answer without its thoughts.
        boxes: Whether GLM's boxes count, which it puts around the words that matter most: around
            all of a caption, or around the number in a sentence.
    """
    if "<" not in text:
        return Unwrapped(text)
    quotations = Quotations(text)
    tags = [
        (tag.start(), tag.end(), *_named(tag))
        for tag in _TAG.finditer(text)
        if not quotations.hold(*tag.span())
    ]
    tags = [tag for tag in tags if boxes or tag[2] != "box"]
    if len(tags) != 2:
        return Unwrapped(text)
    (start, inner, name, is_end), (inner_end, end, closing, closes) = tags
    if name != closing or is_end or not closes:
        return Unwrapped(text)
    outside = "\n".join(piece for piece in (text[:start].strip(), text[end:].strip()) if piece)
    return Unwrapped(text[inner:inner_end].strip(), outside, name)


def _named(tag: re.Match[str]) -> tuple[str, bool]:
    if tag["name"]:
        return tag["name"].lower(), tag["end"] is not None
    return "box", tag["end_of_box"] is not None
