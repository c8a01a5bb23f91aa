"""The answer key: which words of which caption are wrong, and how.

One line of `key.jsonl` is one caption. Offsets are Unicode code points in the caption, half-open:
`caption[start:end] == text`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType, Verdict

KEY = Path(__file__).parent / "key.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRange:
    """A range of a caption, with the text it covers."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionKey:
    """What is wrong in one caption, and what of it the photograph cannot decide.

    Attributes:
        file_name: The photograph.
        model: Who the caption is by.
        caption_sha256: SHA-256 of the caption's UTF-8 bytes, in hex.
        errors: The wrong words, in order and disjoint; offsets in the caption.
        undecidable: Whole sentences, in order; disjoint from the errors.
    """

    file_name: str
    model: str
    caption_sha256: str
    errors: tuple[Span, ...]
    undecidable: tuple[TextRange, ...]


@cache
def answer_key() -> Mapping[tuple[str, str], CaptionKey]:
    """Gives the key of every caption by (model, caption_sha256): what a sentence's row carries."""
    with KEY.open(encoding="utf-8") as lines:
        keys = [_from_json(json.loads(line)) for line in lines]
    return MappingProxyType({(key.model, key.caption_sha256): key for key in keys})


def sentence_truth(key: CaptionKey, start: int, end: int) -> SentenceTruth:
    """Gives the right answer for the sentence `caption[start:end]`, wherever it was cut.

    A wrong word makes it incorrect; failing that, anything undecidable makes it unknown. Spans are
    clipped to the sentence and counted from its start.
    """
    spans = tuple(
        _clipped(error, start, end) for error in key.errors if _overlaps(error, start, end)
    )
    if spans:
        return SentenceTruth(Verdict.INCORRECT, spans)
    if any(_overlaps(part, start, end) for part in key.undecidable):
        return SentenceTruth(Verdict.UNKNOWN)
    return SentenceTruth(Verdict.CORRECT)


def _overlaps(part: Span | TextRange, start: int, end: int) -> bool:
    return part.start < end and start < part.end


def _clipped(error: Span, start: int, end: int) -> Span:
    first, last = max(error.start, start), min(error.end, end)
    return Span(
        start=first - start,
        end=last - start,
        type=error.type,
        text=error.text[first - error.start : last - error.start],
    )


def _from_json(line: dict[str, Any]) -> CaptionKey:
    return CaptionKey(
        file_name=line["file_name"],
        model=line["model"],
        caption_sha256=line["caption_sha256"],
        errors=tuple(
            Span(**error | {"type": HallucinationType(error["type"])}) for error in line["errors"]
        ),
        undecidable=tuple(TextRange(**part) for part in line["undecidable"]),
    )
