"""A sentence cut at the borders of its marked spans, so that it can be shown without offsets."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """A piece of a sentence, and the types of mistake that it is part of; empty if of none."""

    text: str
    types: str


def pieces(text: str, spans: Sequence[Mapping[str, Any]], most: int) -> Iterator[Piece]:
    """Yields the pieces of a sentence; where spans overlap, a piece has the types of all.

    Args:
        text: The sentence.
        spans: With `start`, `end`, `type`; sets that others annotated may have no type.
        most: Characters that are shown.
    """
    borders = {0, len(text), *(s["start"] for s in spans), *(s["end"] for s in spans)}
    ends = sorted(place for place in borders if 0 <= place <= min(most, len(text)))
    if len(text) > most:
        ends.append(most)
    for start, end in pairwise(ends):
        types = {s["type"] or "other": None for s in spans if s["start"] <= start < s["end"]}
        if start < end:
            yield Piece(text[start:end], ", ".join(types))
    if len(text) > most:
        yield Piece("…", "")
