"""HTML in a caption: tags that begin a line or a block, and spaces that are written as entities."""

import re
from typing import Final, NamedTuple

from alignbench.models.answers.quotation import Quotations

_TAG: Final = re.compile(
    r"</?(?P<name>br|p|div|li|ul|ol|dl|dt|dd|hr|h[1-6]|table|thead|tbody|tr|td|th|blockquote|"
    r"section|article|figure|figcaption)(?:\s[^<>\n]{0,200})?/?>",
    re.IGNORECASE,
)
_SPACE: Final = re.compile(r"&(?:nbsp|ensp|emsp|thinsp|#160|#xa0);", re.IGNORECASE)


class BlockTag(NamedTuple):
    """A tag that ends the line or the block before it.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        is_line_break: Whether the sentence before it may go on behind it.
        opens_heading: Whether what follows is a heading.
    """

    start: int
    end: int
    is_line_break: bool
    opens_heading: bool


def block_tags(text: str) -> list[BlockTag]:
    """Returns the tags of a caption that bound lines or blocks and are not quoted in it."""
    if "<" not in text:
        return []
    quotations = Quotations(text)
    return [_read(tag) for tag in _TAG.finditer(text) if not quotations.hold(*tag.span())]


def written_spaces(text: str) -> list[tuple[int, int]]:
    """Returns the ranges of entities that stand for a space."""
    if "&" not in text:
        return []
    quotations = Quotations(text)
    return [span for m in _SPACE.finditer(text) if not quotations.hold(*(span := m.span()))]


def _read(tag: re.Match[str]) -> BlockTag:
    name = tag["name"].lower()
    is_heading = name[0] == "h" and name[1:].isdecimal()
    return BlockTag(*tag.span(), name == "br", is_heading and tag.group()[1] != "/")
