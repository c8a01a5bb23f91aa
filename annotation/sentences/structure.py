"""Markdown structure of a caption: blocks of prose, and the markers and headings around them.

Line by line, as language models write Markdown. A CommonMark parser would not do: the offsets must
index the caption itself, and models leave out the blank lines that it asks for. What a line gives:

    ```  ---  |---|---|                 a dropped range; between fences all lines are prose
    <br>  <li>  &nbsp;                  a dropped range, and the end of what the tag bounds
    # Heading  **Heading**  Heading:    a dropped heading
    - text  1. text  > text             a dropped marker, then what the rest of the line gives
    **Heading:** Text                   a dropped heading, then prose
    | cell | cell |                     prose of its own, between the outer bars
    Text: 1. text. 2. text.             prose, and a dropped marker before each item
    anything else                       prose, joined to the prose line before it

Items and rows are blocks of their own. A paragraph with its line breaks is one block: whether a
line break ends a sentence is left to `boundaries`.
"""

import re
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from alignbench.annotation.sentences.characters import CLOSERS, TERMINALS, is_blank
from alignbench.annotation.sentences.fences import code_lines, is_fence
from alignbench.annotation.sentences.headings import is_heading_line, is_title, run_in_headings
from alignbench.annotation.sentences.inline_lists import inline_markers
from alignbench.annotation.sentences.markup import BlockTag, block_tags, written_spaces

_RULE: Final = re.compile(r"([-*_=~])(?:[ \t]*\1){2,}$")
_QUOTE_MARKER: Final = re.compile(r"(?:>[ \t]*)+")
_TABLE_RULE: Final = re.compile(r"\|[ \t:|-]*-[ \t:|-]*$")
_BULLET: Final = re.compile(
    r"(?:[-*+–—∙·](?=\s|$)|[•・‣◦▪●○■□▶➤✓✔]\ufe0f?)[ \t]*(?:\[[ xX]\][ \t]+)?"
)
_NUMBER: Final = re.compile(
    r"(?:\(?(?P<value>\d{1,3}|[a-zA-Z](?=\))|i{1,3}|iv|vi{1,3}|ix)[.)]"
    r"(?=[ \t]+\S|[\u3040-\u30ff\u4e00-\u9fff])"
    r"|\d{1,3}[、．]|\d\ufe0f?\u20e3|[\u2460-\u2473])[ \t]*"
)
_FIRST_NUMBERS: Final = frozenset({"1", "a", "A", "i"})
_INLINE_BULLET: Final = re.compile(r"(?<=[ \t])•[ \t]+")
_NEXT_MARKER: Final = re.compile(
    r"(?:\s|</?[a-z]{1,4}\s?/?>)*\(?(?P<value>\d{1,3}|[a-zA-Z]|[ivxIVX]{1,4})[.)][ \t]"
)
_LONGEST_MARKER: Final = 40
_LAST_SENTENCE: Final = re.compile(r".*[.!?…。！？][\"'”’)\]*_]*\s+(?=\S)", re.DOTALL)


class DroppedKind(StrEnum):
    """Why a range of the caption is in no sentence.

    `mark` is punctuation, emphasis or symbols that say nothing: no letter and no digit. `tag` is an
    HTML tag that bounds a line or block, or an entity that stands for a space.
    """

    HEADING = "heading"
    LIST_MARKER = "list_marker"
    QUOTE_MARKER = "quote_marker"
    RULE = "rule"
    FENCE = "fence"
    TABLE = "table"
    TAG = "tag"
    MARK = "mark"


class DroppedRange(NamedTuple):
    """A range of the caption, half-open in code points, that is in no sentence."""

    start: int
    end: int
    kind: DroppedKind


@dataclass(slots=True)
class Block:
    """A stretch of prose, half-open in code points, that no sentence leaves."""

    start: int
    end: int


class Structure(NamedTuple):
    """What the lines of a caption are.

    Attributes:
        prose: The caption with quote markers and tags blanked, so that a sentence can run across
            them; its offsets are the caption's.
        blocks: Prose, in order.
        dropped: Everything else but white space, in order. A quote marker or tag may lie in a
            block.
    """

    prose: str
    blocks: list[Block]
    dropped: list[DroppedRange]


def read_structure(text: str) -> Structure:
    """Find the blocks and dropped ranges of a caption, in time linear in its length."""
    reader = _Reader(text)
    lines = text.split("\n")
    code = code_lines(lines)
    tags = deque(block_tags(text))
    start = 0
    for number, line in enumerate(lines):
        end = start + len(line)
        if number in code:
            reader.read_code(start, end)
        else:
            reader.read_tagged_line(start, end, tags)
        start = end + 1
    for start, end in written_spaces(text):
        reader.dropped.append(DroppedRange(start, end, DroppedKind.TAG))
    dropped = sorted(reader.dropped)
    return Structure(_blanked(text, dropped), reader.blocks, dropped)


def _blanked(text: str, dropped: list[DroppedRange]) -> str:
    pieces = []
    done = 0
    for start, end, kind in dropped:
        if kind in (DroppedKind.QUOTE_MARKER, DroppedKind.TAG):
            blank = "\n" if text[start] == "<" else " "
            pieces += [text[done:start], blank.ljust(end - start)]
            done = end
    return "".join([*pieces, text[done:]])


class _Reader:
    """Reads line after line, and remembers which block the next line may continue."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.blocks: list[Block] = []
        self.dropped: list[DroppedRange] = []
        self._paragraph: Block | None = None
        self._table_head: Block | None = None
        self._in_table = False
        self._in_list = False
        self._in_quote = False
        self._in_heading = False
        self._after_line_break = False

    def read_code(self, start: int, end: int) -> None:
        """Read a line of code: nothing in it is Markdown."""
        start, end = self._stripped(start, end)
        if start == end:
            self._paragraph = None
        self._add_prose(start, end)

    def read_tagged_line(self, start: int, end: int, tags: deque[BlockTag]) -> None:
        """Read what stands around the tags of a line, which are taken from the left of `tags`."""
        if not tags or tags[0].start >= end:
            self.read_line(start, end)
            return
        while tags and tags[0].start < end:
            tag = tags.popleft()
            self._read_between_tags(start, tag.start)
            is_blank_line = tag.is_line_break and self._after_line_break
            goes_on = tag.is_line_break and not is_blank_line
            self._drop(tag.start, tag.end, DroppedKind.TAG, ends_paragraph=not goes_on)
            self._in_heading, self._after_line_break = tag.opens_heading, tag.is_line_break
            start = tag.end
        self._read_between_tags(start, end)

    def _read_between_tags(self, start: int, end: int) -> None:
        start, end = self._stripped(start, end)
        if start == end:
            return
        self._after_line_break = False
        if self._in_heading:
            self._drop(start, end, DroppedKind.HEADING)
        else:
            self.read_line(start, end)

    def read_line(self, start: int, end: int) -> None:
        start, end = self._stripped(start, end)
        line = self.text[start:end]
        if line.startswith("|") and line.count("|") > 1:
            self._read_table_row(line, start, end)
            return
        self._table_head, self._in_table = None, False
        if not line:
            self._paragraph, self._in_list = None, False
        elif is_fence(line):
            self._drop(start, end, DroppedKind.FENCE)
        elif _RULE.match(line):
            self._read_rule(line, start, end)
        else:
            self._read_text_line(start, end)

    def _read_rule(self, line: str, start: int, end: int) -> None:
        above = self._paragraph
        # Models write "---" as a divider, so only "===" is taken for an underline.
        if above and line[0] == "=" and is_title(self.text[above.start : above.end]):
            self.blocks.pop()
            self._drop(above.start, above.end, DroppedKind.HEADING)
        self._drop(start, end, DroppedKind.RULE)

    def _read_table_row(self, line: str, start: int, end: int) -> None:
        if _TABLE_RULE.match(line):
            if self._table_head:
                self.blocks.pop()
                self._drop(self._table_head.start, self._table_head.end, DroppedKind.HEADING)
            self._drop(start, end, DroppedKind.TABLE)
            self._table_head, self._in_table = None, True
            return
        cells = line.strip("| \t")
        first = start + line.find(cells) if cells else end
        self._drop(start, first, DroppedKind.TABLE)
        if cells:
            self.blocks.append(Block(first, first + len(cells)))
            self._drop(first + len(cells), end, DroppedKind.TABLE)
            self._table_head = None if self._in_table else self.blocks[-1]
            self._in_table = True

    def _read_text_line(self, start: int, end: int) -> None:
        quote = _QUOTE_MARKER.match(self.text, start, end)
        if (quote is not None) != self._in_quote:
            self._paragraph, self._in_quote = None, quote is not None
        if quote:
            self._drop(*quote.span(), DroppedKind.QUOTE_MARKER, ends_paragraph=False)
            start = quote.end()
        number = None
        while marker := self._list_marker(start, end):
            number = marker.groupdict().get("value")
            self._drop(*marker.span(), DroppedKind.LIST_MARKER)
            self._in_list = True
            start = marker.end()
        if start == end:
            self._paragraph = None
        elif self._is_heading(start, end):
            self._drop(start, end, DroppedKind.HEADING)
        else:
            self._read_prose(start, end, number)

    def _list_marker(self, start: int, end: int) -> re.Match[str] | None:
        if bullet := _BULLET.match(self.text, start, end):
            return bullet
        marker = _NUMBER.match(self.text, start, end)
        # "in row\n7. The" is no list: only a first number interrupts an unfinished sentence.
        if marker is None or marker["value"] is None or marker["value"] in _FIRST_NUMBERS:
            return marker
        return marker if self._in_list or not self._is_unfinished() else None

    def _is_heading(self, start: int, end: int) -> bool:
        continues = self._is_unfinished() and self.text[start].islower()
        return not continues and is_heading_line(self.text[start:end])

    def _is_unfinished(self) -> bool:
        """Whether the paragraph so far does not end as a sentence or a lead-in does."""
        if self._paragraph is None:
            return False
        last_line = self.text[
            max(self._paragraph.start, self._paragraph.end - 20) : self._paragraph.end
        ]
        return not last_line.rstrip(CLOSERS).endswith((*TERMINALS, ":", "："))

    def _read_prose(self, start: int, end: int, number: str | None) -> None:
        """Cut a line at headings and markers inside it; its first piece continues the paragraph."""
        for inner_start, inner_end, kind in self._inner_markers(start, end, number):
            if kind is DroppedKind.LIST_MARKER:
                self._add_lead_in(start, inner_start)
            else:
                self._add_prose(start, inner_start)
            self._drop(inner_start, inner_end, kind)
            start = inner_end
        self._add_prose(start, end)

    def _add_lead_in(self, start: int, end: int) -> None:
        """Add what stands before a marker; where it ends in a heading with a colon, that is one."""
        before = _LAST_SENTENCE.match(self.text, start, end)
        last = before.end() if before else start
        heading_start, heading_end = self._stripped(last, end)
        if heading_start < heading_end and self._is_heading(heading_start, heading_end):
            self._add_prose(start, last)
            self._drop(heading_start, heading_end, DroppedKind.HEADING)
        else:
            self._add_prose(start, end)

    def _inner_markers(self, start: int, end: int, number: str | None) -> list[DroppedRange]:
        line = self.text[start:end]
        markers = [(*span, DroppedKind.HEADING) for span in run_in_headings(line)]
        listed = set(inline_markers(line, first=number, following=self._next_marker(end)))
        if self.text[start - 2 : start].startswith("•"):
            listed.update(match.span() for match in _INLINE_BULLET.finditer(line))
        markers += [(*span, DroppedKind.LIST_MARKER) for span in listed]
        return [DroppedRange(start + a, start + b, kind) for a, b, kind in sorted(markers)]

    def _next_marker(self, end: int) -> str | None:
        """The value of the marker that the next line begins with."""
        following = _NEXT_MARKER.match(self.text, end, end + _LONGEST_MARKER)
        return following["value"] if following else None

    def _add_prose(self, start: int, end: int) -> None:
        start, end = self._stripped(start, end)
        if start == end:
            return
        if self._paragraph:
            self._paragraph.end = end
        else:
            self._paragraph = Block(start, end)
            self.blocks.append(self._paragraph)

    def _drop(
        self, start: int, end: int, kind: DroppedKind, *, ends_paragraph: bool = True
    ) -> None:
        start, end = self._stripped(start, end)
        if start < end:
            self.dropped.append(DroppedRange(start, end, kind))
        if ends_paragraph:
            self._paragraph = None

    def _stripped(self, start: int, end: int) -> tuple[int, int]:
        while start < end and is_blank(self.text[start]):
            start += 1
        while start < end and is_blank(self.text[end - 1]):
            end -= 1
        return start, end
