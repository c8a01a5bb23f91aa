"""Captions of sets that have single sentences, or judge captions as a whole."""

from collections.abc import Sequence


def joined(sentences: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Returns sentences joined by spaces, and where each one is in that text."""
    ranges = []
    start = 0
    for sentence in sentences:
        ranges.append((start, start + len(sentence)))
        start += len(sentence) + 1
    return " ".join(sentences), ranges
