"""How each person works who says whether questions in other words mean the same."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median

from alignbench.schemas.rows.questions import VariantCheck
from alignbench.schemas.tables import GOLD_VARIANTS, VARIANT_CHECKS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, Meaning, Purpose
from alignbench.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckerReport:
    """What is known of somebody who says whether questions mean the same.

    Attributes:
        annotator: The name.
        unit: What they were asked about.
        checks: Questions that they said something of, gold too.
        skips: Questions skipped.
        median_seconds: Of the time that one took; None if the server did not say.
        meanings: Share of each answer, gold left out.
        gold_checks: Of the questions, those that are gold.
        gold_right: Share of these of which they said what is known; None without gold.
        shared: Questions that others said something of too.
        agreement: Mean share of the others who said the same of these; None if there are none.
    """

    annotator: str
    unit: AnnotationUnit = AnnotationUnit.VARIANT
    checks: int
    skips: int
    median_seconds: float | None
    meanings: Mapping[str, float]
    gold_checks: int
    gold_right: float | None
    shared: int
    agreement: float | None


@dataclass
class _Work:
    """What one person did; the newest answer to each question counts."""

    given: dict[str, VariantCheck] = field(default_factory=dict)
    gold: dict[str, VariantCheck] = field(default_factory=dict)
    skips: int = 0
    seconds: list[float] = field(default_factory=list)


def checker_reports(workspace: Workspace) -> list[CheckerReport]:
    """Returns a report of everybody who has checked or skipped a question, by name."""
    people: defaultdict[str, _Work] = defaultdict(_Work)
    for row in workspace.table(VARIANT_CHECKS).rows():
        if row.status in (AnnotationStatus.SUBMITTED, AnnotationStatus.SKIPPED):
            _count(people[row.annotator], row)
    known = {row.variant_id: row.meaning for row in workspace.table(GOLD_VARIANTS).rows()}
    said: defaultdict[str, Counter[Meaning | None]] = defaultdict(Counter)
    for work in people.values():
        for key, row in work.given.items():
            said[key][row.meaning] += 1
    return [_report(name, work, known, said) for name, work in sorted(people.items())]


def _count(work: _Work, row: VariantCheck) -> None:
    if row.meaning is None:
        work.skips += 1
        return
    if row.lead_seconds is not None:
        work.seconds.append(row.lead_seconds)
    kept = work.gold if row.purpose is Purpose.GOLD else work.given
    before = kept.get(row.variant_id)
    if before is None or before.updated_at < row.updated_at:
        kept[row.variant_id] = row


def _report(
    name: str,
    work: _Work,
    known: Mapping[str, Meaning],
    said: Mapping[str, Counter[Meaning | None]],
) -> CheckerReport:
    right = [row.meaning is known[key] for key, row in work.gold.items() if key in known]
    agreed = [
        (said[key][row.meaning] - 1) / others
        for key, row in work.given.items()
        if (others := said[key].total() - 1)
    ]
    counts = Counter(row.meaning for row in work.given.values())
    return CheckerReport(
        annotator=name,
        checks=len(work.given) + len(work.gold),
        skips=work.skips,
        median_seconds=median(work.seconds) if work.seconds else None,
        meanings={one.value: counts[one] / max(1, counts.total()) for one in Meaning},
        gold_checks=len(right),
        gold_right=_mean(right),
        shared=len(agreed),
        agreement=_mean(agreed),
    )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None
