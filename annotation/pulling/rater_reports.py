"""How each rater works: how much, how fast, how near to gold and to the others."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.tables import GOLD_RATINGS, RATINGS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, Purpose
from alignbench.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterReport:
    """What is known of somebody who rates answers of models.

    Attributes:
        annotator: The name.
        unit: What they were asked about.
        ratings: Ratings submitted, of gold too.
        skips: Answers skipped.
        median_seconds: Of the time a rating took; None if the server did not say.
        mean: Mean of the ratings, gold left out; None without one.
        gold_ratings: Of the ratings, those of gold.
        gold_off_by: How far these are from what is known, on average; None without gold.
        shared: Answers that others rated too.
        above_others: By how much they are rated higher than by the others, on average; None if
            there are none.
    """

    annotator: str
    unit: AnnotationUnit = AnnotationUnit.RESPONSE
    ratings: int
    skips: int
    median_seconds: float | None
    mean: float | None
    gold_ratings: int
    gold_off_by: float | None
    shared: int
    above_others: float | None


@dataclass
class _Work:
    """What one person did; the newest rating of each answer counts."""

    given: dict[str, Rating] = field(default_factory=dict)
    gold: dict[str, Rating] = field(default_factory=dict)
    submitted: int = 0
    skips: int = 0
    seconds: list[float] = field(default_factory=list)


def rater_reports(workspace: Workspace) -> list[RaterReport]:
    """Returns a report of everybody who has rated or skipped an answer, by name."""
    people: defaultdict[str, _Work] = defaultdict(_Work)
    for row in workspace.table(RATINGS).rows():
        if row.status in (AnnotationStatus.SUBMITTED, AnnotationStatus.SKIPPED):
            _count(people[row.annotator], row)
    gold = {row.response_id: row.rating for row in workspace.table(GOLD_RATINGS).rows()}
    of_answer: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for name, work in people.items():
        for key, row in work.given.items():
            of_answer[key][name] = row.rating or 0.0
    return [_report(name, work, gold, of_answer) for name, work in sorted(people.items())]


def _count(work: _Work, row: Rating) -> None:
    if row.rating is None:
        work.skips += 1
        return
    work.submitted += 1
    if row.lead_seconds is not None:
        work.seconds.append(row.lead_seconds)
    kept = work.gold if row.purpose is Purpose.GOLD else work.given
    before = kept.get(row.response_id)
    if before is None or before.updated_at < row.updated_at:
        kept[row.response_id] = row


def _report(
    name: str,
    work: _Work,
    gold: Mapping[str, float],
    of_answer: Mapping[str, Mapping[str, float]],
) -> RaterReport:
    given = {key: row.rating for key, row in work.given.items() if row.rating is not None}
    off_by = [
        abs(row.rating - gold[key])
        for key, row in work.gold.items()
        if key in gold and row.rating is not None
    ]
    above = [
        rating - fmean(others)
        for key, rating in given.items()
        if (others := [one for other, one in of_answer[key].items() if other != name])
    ]
    return RaterReport(
        annotator=name,
        ratings=work.submitted,
        skips=work.skips,
        median_seconds=median(work.seconds) if work.seconds else None,
        mean=_mean(list(given.values())),
        gold_ratings=len(off_by),
        gold_off_by=_mean(off_by),
        shared=len(above),
        above_others=_mean(above),
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
