"""Which lines of a caption are code: what looks like Markdown in them is none."""

import re
from collections.abc import Sequence
from typing import Final

_FENCE: Final = re.compile(r"(?P<marks>`{3,}|~{3,})\s*(?P<language>[\w+#.-]*)$")
_PROSE: Final = frozenset({"markdown", "md", "text", "txt", "plaintext"})


def is_fence(line: str) -> bool:
    """Whether a line, without the white space around it, opens or closes a fence."""
    return _FENCE.match(line) is not None


def code_lines(lines: Sequence[str]) -> frozenset[int]:
    """The numbers of the lines inside fences, from 0.

    A fence that nothing closes holds nothing; one around the whole caption, or one said to hold
    Markdown or text, holds prose.
    """
    said = [number for number, line in enumerate(lines) if line.strip()]
    found: set[int] = set()
    opened: re.Match[str] | None = None
    first = 0
    for number in said:
        fence = _FENCE.match(lines[number].strip())
        if fence is None:
            continue
        if opened is None:
            opened, first = fence, number
        elif fence["marks"].startswith(opened["marks"]) and not fence["language"]:
            is_whole = (first, number) == (said[0], said[-1])
            if not is_whole and opened["language"].lower() not in _PROSE:
                found.update(range(first + 1, number))
            opened = None
    return frozenset(found)
