"""Detectors that go wrong in one way each, put behind names as an installed package's would be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from alignbench.evaluation.detectors.sentence_length import SentenceLengthDetector
from alignbench.schemas import registry
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.registry import Group


class SomeFail(SentenceLengthDetector):
    """Fails on a tenth of the sentences, by value."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        good = super().score(requests)
        return [
            ItemFailure("MY-01", "It is too odd.") if odd(request) else result
            for request, result in zip(requests, good, strict=True)
        ]


class SomeRaise(SentenceLengthDetector):
    """Raises whenever one of those is among what it is handed."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        if any(map(odd, requests)):
            raise ZeroDivisionError("a bug")
        return super().score(requests)


class SomeNan(SentenceLengthDetector):
    """Gives NaN for those, and an infinity for one."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        good = super().score(requests)
        return [
            SentenceScore(float("nan")) if odd(request) else result
            for request, result in zip(requests, good, strict=True)
        ]


class AllFail(SentenceLengthDetector):
    """Fails on everything."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        return [ItemFailure("MY-02", "The model is broken.") for _ in requests]


class TooFew(SentenceLengthDetector):
    """Forgets one."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        return super().score(requests)[1:]


class Counting(SentenceLengthDetector):
    """Counts what it is asked, over all its instances; looks at pixels."""

    reads_pixels = True
    asked: ClassVar[list[str]] = []
    die_after: int | None = None

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        if self.die_after is not None and len(self.asked) >= self.die_after:
            raise KeyboardInterrupt
        assert all(request.image for request in requests)
        Counting.asked += [request.sentence_id for request in requests]
        return super().score(requests)


def odd(request: ScoringRequest) -> bool:
    return int(request.sentence_id, 16) % 10 == 3


@contextmanager
def installed(patch: pytest.MonkeyPatch, **detectors: type) -> Iterator[None]:
    """Makes these detectors known by their names, beside the built-in ones."""
    original = registry.entry_points

    def found(group: str) -> list[EntryPoint]:
        points = list(original(group=group))
        if group == Group.DETECTORS.value:
            points += [
                EntryPoint(name, f"{kind.__module__}:{kind.__qualname__}", group)
                for name, kind in detectors.items()
            ]
        return points

    with patch.context() as inner:
        inner.setattr(registry, "entry_points", found)
        _forget()
        yield
    _forget()


def _forget() -> None:
    registry.find.cache_clear()
    registry._entry_points.cache_clear()
