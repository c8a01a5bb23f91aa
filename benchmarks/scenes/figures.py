"""Prints a figure with its interval."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

RESAMPLES = 1000
SEED = 0

Unit = TypeVar("Unit")


def show(what: str, units: Sequence[Unit], statistic: Callable[[Sequence[Unit]], float]) -> None:
    """Prints a statistic over units, with its interval over resampled units."""
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(units), size=(RESAMPLES, len(units)))
    resampled = [statistic([units[index] for index in row]) for row in draws.tolist()]
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    print(f"| {statistic(units):.3f} | {what} | {low:.3f} to {high:.3f} |", flush=True)


def share(test: Callable[[Any], bool]) -> Callable[[Sequence[Sequence[Any]]], float]:
    """Gives the share of items, of all units together, that pass a test."""
    return lambda units: float(np.mean([test(item) for unit in units for item in unit]))
