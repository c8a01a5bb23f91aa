"""JSON objects in what a model says, with their places."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_MOST: Final = 200
"""Beginnings of an object that are looked at: each may cost as much as the text is long."""


class JsonObject(NamedTuple):
    """A JSON object in a text.

    Attributes:
        start: Where it begins.
        end: Where it has ended.
        pairs: Keys and values in order; a key may stand there twice. Keys are in small letters,
            with `_` for a space or a hyphen; numbers are as they were written, as strings, and
            objects within it are tuples of pairs.
    """

    start: int
    end: int
    pairs: Sequence[tuple[str, object]]


def json_objects(text: str) -> Iterator[JsonObject]:
    """Yields the JSON objects of a text that do not lie within one another."""
    start = text.find("{")
    for _ in range(_MOST):
        if start < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield JsonObject(start, end, [(_key_name(key), item) for key, item in value])
        start = text.find("{", end)


def without(text: str, objects: Sequence[JsonObject]) -> str:
    """Returns what a text says beside objects that stand in it, fences around them taken off."""
    kept, at = [], 0
    for one in objects:
        kept.append(text[at : one.start])
        at = one.end
    return re.sub(r"```\w*", "", "".join([*kept, text[at:]])).strip()


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_float=str, parse_int=str, strict=False
)
"""Keeps keys that are written twice, and numbers as they are written."""


def _key_name(key: str) -> str:
    return re.sub(r"[\s-]+", "_", key.strip().lower())
