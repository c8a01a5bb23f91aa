"""Which answers people rate: drawn by chance, before any rating is seen, with the chances kept.

The same questions are drawn for every model, so that models are compared on the same questions.
Strata are tasks, each halved by how much the judge's scores of a cluster spread, where a task is
large enough: where the judge is unsure, people differ from it most. Within a stratum every unit has
the same chance. A unit is one question, or one cluster of which every variant is then rated.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from alignbench.judging.errors import SampleSizeError
from alignbench.judging.question_set import QuestionSet
from alignbench.reporting.jackknife import Bools, Floats, Ints
from alignbench.schemas.ids import sha256_hex

FEWEST_UNITS: Final = 2
"""Below so many units drawn, a stratum's variance cannot be told."""
_HALVED_FROM: Final = 2 * FEWEST_UNITS


class Unit(StrEnum):
    """What is drawn."""

    QUESTION = "question"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class RatedSample:
    """A sample of questions whose answers people rate.

    Attributes:
        stratum: Of each question, the number of its stratum. A stratum lies within one task, and a
            cluster within one stratum.
        unit: Of each question, the number of its sampling unit.
        probability: The chance that each question had of being drawn.
        drawn: Whether it was.
    """

    stratum: Ints
    unit: Ints
    probability: Floats
    drawn: Bools


def draw_sample(
    questions: QuestionSet,
    spread: Floats,
    units: int,
    place: Floats,
    kind: Unit = Unit.QUESTION,
) -> RatedSample:
    """Returns a sample drawn in proportion to the strata.

    A larger sample of the same strata holds a smaller one, so that ratings can be added later.

    Args:
        questions: What can be drawn.
        spread: How much the judge's scores of each cluster differ, over models, variants and
            draws; shape (clusters,).
        units: How many to draw.
        place: Of each unit, a number drawn by chance (see `places`); the lowest of each stratum
            are taken.
        kind: What is drawn.

    Raises:
        SampleSizeError: Two units of each stratum cannot be had with so few, or there are not so
            many units.
    """
    unit = np.arange(len(questions)) if kind is Unit.QUESTION else questions.cluster
    stratum = _strata(questions, spread, units, unit)
    number = int(stratum.max(initial=-1)) + 1
    of_unit = np.zeros(len(place), np.int64)
    of_unit[unit] = stratum
    size = np.bincount(of_unit, minlength=number)
    fewest = int(np.minimum(size, FEWEST_UNITS).sum())
    if not fewest <= units <= len(place):
        raise SampleSizeError(
            f"{units:,} {kind.value}s are to be rated; at least {fewest:,} are needed, two of each "
            f"stratum, and there are {len(place):,}.",
            "Ask for a number in between.",
        )
    wanted = _allotted(size, units)
    order = np.lexsort((place, of_unit))
    rank = np.empty(len(place), np.int64)
    rank[order] = np.arange(len(place)) - (np.cumsum(size) - size)[of_unit[order]]
    chance = wanted / np.maximum(size, 1)
    return RatedSample(
        stratum=stratum,
        unit=unit,
        probability=chance[stratum],
        drawn=np.asarray((rank < wanted[of_unit])[unit]),
    )


def places(ids: list[str], seed: str) -> Floats:
    """Returns a number between 0 and 1 for each id, as if drawn by chance, the same every time."""
    return np.array([int(sha256_hex(f"{seed}:{one}".encode())[:13], 16) / 16**13 for one in ids])


def _strata(questions: QuestionSet, spread: Floats, units: int, unit: Ints) -> Ints:
    """Returns each question's stratum: its task, halved by spread if both halves get enough."""
    high = np.zeros(questions.clusters, np.bool_)
    share = units / max(len(np.unique(unit)), 1)
    for task in range(len(questions.tasks)):
        clusters = np.flatnonzero(questions.task_of_cluster == task)
        above = spread[clusters] > np.median(spread[clusters]) if len(clusters) else None
        if above is None:
            continue
        halves = (clusters[above], clusters[~above])
        sizes = [len(np.unique(unit[np.isin(questions.cluster, half)])) for half in halves]
        if min(sizes) * share >= _HALVED_FROM:
            high[halves[0]] = True
    both = 2 * questions.task + high[questions.cluster]
    _, stratum = np.unique(both, return_inverse=True)
    return np.asarray(stratum, np.int64)


def _allotted(size: Ints, units: int) -> Ints:
    """Returns how many units of each stratum: in proportion, but two of each at least."""
    fewest = np.minimum(size, FEWEST_UNITS)
    exact = np.clip(units * size / size.sum(), fewest, size)
    given = np.asarray(np.floor(exact), np.int64)
    while (missing := units - int(given.sum())) != 0:
        room = (given < size) if missing > 0 else (given > fewest)
        due = np.where(room, exact - given, -np.inf if missing > 0 else np.inf)
        chosen = int(np.argmax(due) if missing > 0 else np.argmin(due))
        given[chosen] += 1 if missing > 0 else -1
    return given
