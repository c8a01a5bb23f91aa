"""The sentences of a caption as its page shows them: in one text, one a line.

A line break inside a sentence is shown as a blank, so that every sentence is one line and every
place in the text is a place in a sentence, one code point for one.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_BLANKS: Final = str.maketrans(dict.fromkeys("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))


class Part(NamedTuple):
    """A range of one sentence, in its own offsets, without white space at its ends."""

    sentence: int
    start: int
    end: int


class ShownLines:
    """Sentences as lines of one text.

    Attributes:
        text: The text that is shown.
        lines: Its lines.
        starts: Where each begins in the text.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        """Puts sentences together."""
        self.lines = [sentence.translate(_BLANKS) for sentence in sentences]
        self.text = "\n".join(self.lines)
        self.starts: list[int] = []
        start = 0
        for line in self.lines:
            self.starts.append(start)
            start += len(line) + 1

    def parts(self, start: int, end: int) -> Iterator[Part]:
        """Yields what a range of the text covers of each sentence, if it is more than blanks."""
        for number, (line, first) in enumerate(zip(self.lines, self.starts, strict=True)):
            low, high = max(start - first, 0), min(end - first, len(line))
            covered = line[low:high] if low < high else ""
            if covered.strip():
                low += len(covered) - len(covered.lstrip())
                yield Part(number, low, low + len(covered.strip()))

    def holding(self, text: str) -> Iterator[int]:
        """Yields the numbers of the lines that hold a text."""
        for number, line in enumerate(self.lines):
            if text.strip() and text.strip() in line:
                yield number
