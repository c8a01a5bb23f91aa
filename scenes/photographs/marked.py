"""Reads captions whose faults are marked in place: the hand-edited source of captions and key.

A line `== <file name> | <model>` starts a caption, which runs to the next such line. In it,
`{<type>|<words>}` marks wrong words with a hallucination type, and `{?|<sentence>}` a whole
sentence that the photograph cannot decide. There are no other braces. Before the first caption,
lines that start with `#` are comments.
"""

import hashlib
import re
from typing import NamedTuple

from alignbench.scenes.errors import MarkedCaptionError
from alignbench.scenes.photographs.key import CaptionKey, TextRange
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType

_HEADING = re.compile(r"^== (?P<file_name>\S+) \| (?P<model>\S+)$", re.MULTILINE)
_MARK = re.compile(r"\{(?P<kind>[a-z]+|\?)\|(?P<words>[^{}]+)\}")
_UNDECIDABLE = "?"


class KeyedCaption(NamedTuple):
    """A caption as it is published, and its key."""

    caption: str
    key: CaptionKey


def read_marked(source: str) -> list[KeyedCaption]:
    """Gives the captions of a marked source, in its order, without the marks.

    Raises:
        MarkedCaptionError: If a mark has an unknown type, a brace belongs to no mark, text stands
            before the first heading, or two captions have the same heading.
    """
    headings = list(_HEADING.finditer(source))
    preface = source[: headings[0].start()] if headings else source
    if any(line and not line.startswith("#") for line in preface.splitlines()):
        raise MarkedCaptionError(
            "Text stands before the first caption.",
            "Start each caption with a line `== <file name> | <model>`.",
        )
    names = [heading.groups() for heading in headings]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise MarkedCaptionError(
            f"Two captions have the heading {sorted(repeated)[0]}.", "Keep one of them."
        )
    ends = [heading.start() for heading in headings[1:]] + [len(source)]
    return [
        _read_caption(heading["file_name"], heading["model"], source[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def _read_caption(file_name: str, model: str, marked: str) -> KeyedCaption:
    caption = ""
    errors: list[Span] = []
    undecidable: list[TextRange] = []
    copied = 0
    for mark in _MARK.finditer(marked):
        kind, words = mark.groups()
        caption += marked[copied : mark.start()]
        start, end = len(caption), len(caption) + len(words)
        if kind == _UNDECIDABLE:
            undecidable.append(TextRange(start=start, end=end, text=words))
        else:
            error_type = _error_type(kind, f"{file_name} | {model}")
            errors.append(Span(start=start, end=end, type=error_type, text=words))
        caption += words
        copied = mark.end()
    caption += marked[copied:]
    if re.search("[{}]", caption):
        raise MarkedCaptionError(
            f"A brace in {file_name} | {model} belongs to no mark.",
            "Write marks as `{<type>|<words>}`, one inside another nowhere.",
        )
    key = CaptionKey(
        file_name=file_name,
        model=model,
        caption_sha256=hashlib.sha256(caption.encode()).hexdigest(),
        errors=tuple(errors),
        undecidable=tuple(undecidable),
    )
    return KeyedCaption(caption, key)


def _error_type(name: str, where: str) -> HallucinationType:
    try:
        return HallucinationType(name)
    except ValueError as unknown:
        raise MarkedCaptionError(
            f"{where} has a mark of the unknown type {name!r}.",
            f"Use one of {', '.join(HallucinationType)}, or ? for what cannot be decided.",
        ) from unknown
