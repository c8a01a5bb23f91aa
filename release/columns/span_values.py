"""Spans as they stand in tables, made spans again."""

from collections.abc import Iterable
from typing import Any

from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import HallucinationType


def spans_of(values: Iterable[dict[str, Any]]) -> tuple[Span, ...]:
    """Returns spans from a table's values."""
    return tuple(
        Span(start=v["start"], end=v["end"], type=HallucinationType(v["type"]), text=v["text"])
        for v in values
    )
