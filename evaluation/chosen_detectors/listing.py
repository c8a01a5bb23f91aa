"""What a caller may give as detectors: names, entries, functions, one or several of them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from alignbench.evaluation.chosen_detectors.entries import DetectorEntry, parse_detector
from alignbench.evaluation.chosen_detectors.functions import FunctionDetector, ScoringFunction

OneDetector: TypeAlias = str | DetectorEntry | FunctionDetector | ScoringFunction
"""A detector as the command line names it (`clip:repo=/models/mine`), an entry, or a function."""

Detectors: TypeAlias = OneDetector | Sequence[OneDetector] | Mapping[str, OneDetector]
"""One detector or several; a mapping gives their names in tables."""


def listed_detectors(detectors: Detectors) -> list[DetectorEntry | FunctionDetector]:
    """Returns the detectors that were given.

    Raises:
        UnknownNameError: There is no detector of a name; the nearest is named.
        UsageError: What follows a name's colon is not `key=value` pairs.
    """
    if isinstance(detectors, Mapping):
        return [_named(detector, name) for name, detector in detectors.items()]
    if isinstance(detectors, str | DetectorEntry | FunctionDetector):
        return [_named(detectors)]
    if isinstance(detectors, Sequence):
        return [_named(detector) for detector in detectors]
    return [_named(detectors)]


def _named(detector: OneDetector, name: str | None = None) -> DetectorEntry | FunctionDetector:
    if isinstance(detector, FunctionDetector):
        return detector if name is None else detector.renamed(name)
    if isinstance(detector, str | DetectorEntry):
        entry = parse_detector(detector) if isinstance(detector, str) else detector
        return entry if name is None else DetectorEntry(**{**entry.model_dump(), "name": name})
    return FunctionDetector(detector, name)
