"""How each annotator works: how much, how fast, how well, and how far like the others.

What somebody does on the page for sentences and on that for captions is told apart: an answer takes
longer there, and what nobody marks counts as correct. Who rates answers or checks questions has a
report of another kind: `rater_reports`, `checker_reports`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.tables import ANNOTATIONS, GOLD
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AnswerFlag,
    Purpose,
    Verdict,
    WithdrawnKind,
)
from alignbench.workspace.workspace import Workspace

FEW_ANSWERS = 20
"""Of fewer answers nothing is concluded."""
FAST_SECONDS = 3.0
"""Nobody looks at an image and reads a sentence in less..."""
FAST_SECONDS_MORE = 1.0
"""...nor any further sentence of its caption in less than this."""
ALIKE_SHARE = 0.98
"""From this share of one verdict on, answers are all alike..."""
ALIKE_MARGIN = 0.05
"""...unless the others gave that verdict to the same sentences nearly as often."""
_COLUMNS = (
    "annotator", "unit", "server", "project_id", "annotation_id", "sentence_id", "purpose",
    "status", "verdict", "spans", "flags", "lead_seconds", "updated_at",
)  # fmt: skip


class Concern(StrEnum):
    """What an operator should look into."""

    TOO_FAST = "too fast"
    ALL_ALIKE = "all alike"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorReport:
    """What is known of one annotator on one page. Shares are of sentences, gold left out.

    Attributes:
        annotator: The name.
        unit: What they were asked about at once.
        answers: Submitted answers, gold included: to a sentence, or to a whole caption.
        sentences: Sentences that these say something about.
        skips: Sentences, or whole captions, skipped.
        withdrawn: Whether none of them counts.
        median_seconds: Of the time an answer took; None if the server did not say.
        per_hour: Answers in an hour of the time that answers took; likewise.
        gold_answers: Of the sentences, those that are gold.
        gold_accuracy: Share of gold answers with the right verdict; None without gold.
        shared: Sentences that others answered too.
        agreement: Mean share of the others who said the same of these; None if there are none.
        verdicts: Share of each verdict.
        types: Share of each type, of the spans.
        missing_spans: Share of incorrect answers that mark nothing; None without one.
        concerns: What an operator should look into.
    """

    annotator: str
    unit: AnnotationUnit
    answers: int
    sentences: int
    skips: int
    withdrawn: bool
    median_seconds: float | None
    per_hour: float | None
    gold_answers: int
    gold_accuracy: float | None
    shared: int
    agreement: float | None
    verdicts: Mapping[str, float]
    types: Mapping[str, float]
    missing_spans: float | None
    concerns: tuple[Concern, ...]


def annotator_reports(workspace: Workspace) -> list[AnnotatorReport]:
    """Returns a report of everybody who has answered or skipped sentences, by name and page."""
    work = _read(workspace)
    gold_rows = workspace.table(GOLD).read(["sentence_id", "verdict"])
    gold = dict(zip(*(gold_rows[n].to_pylist() for n in gold_rows.column_names), strict=True))
    out = set(withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR).to_pylist())
    votes: defaultdict[AnnotationUnit, defaultdict[str, Counter[str]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for (name, unit), person in work.items():
        if name not in out:
            for sentence, answer in person.votes.items():
                votes[unit][sentence][answer.verdict] += 1
    return [
        _report(at, person, votes[at.unit], gold, counted=at.annotator not in out)
        for at, person in sorted(work.items())
    ]


class _At(NamedTuple):
    annotator: str
    unit: AnnotationUnit


class _Vote(NamedTuple):
    updated_at: object
    verdict: str
    types: tuple[str, ...]
    misses_spans: bool


@dataclass
class _Page:
    """One answer: how many sentences it is believed about, and how long these took."""

    sentences: int = 0
    seconds: float | None = None

    @property
    def share_of_least(self) -> float | None:
        """The seconds that it took, as a share of the least that anybody needs."""
        if self.seconds is None:
            return None
        return self.seconds / (FAST_SECONDS + FAST_SECONDS_MORE * (self.sentences - 1))


_AnswerKey = tuple[object, ...]


@dataclass
class _Work:
    """What one person did on one page.

    `votes` and `gold` hold the newest answer to each sentence; `pages` and `skipped` have every
    answer, though it stands in a row for each of its sentences.
    """

    votes: dict[str, _Vote] = field(default_factory=dict)
    gold: dict[str, _Vote] = field(default_factory=dict)
    pages: dict[_AnswerKey, _Page] = field(default_factory=dict)
    skipped: set[_AnswerKey] = field(default_factory=set)

    @property
    def seconds(self) -> list[float]:
        """How long each answer took, of those whose time is known."""
        return [page.seconds for page in self.pages.values() if page.seconds is not None]


def _read(workspace: Workspace) -> dict[_At, _Work]:
    work: defaultdict[_At, _Work] = defaultdict(_Work)
    there = [AnnotationStatus.SUBMITTED.value, AnnotationStatus.SKIPPED.value]
    where = pc.field("status").isin(pa.array(there))
    where &= pc.field("purpose") != Purpose.ADJUDICATE.value
    for batch in workspace.table(ANNOTATIONS).scan(list(_COLUMNS), where):
        for row in _rows(batch):
            # Rows of earlier versions say nothing of a unit: it was the sentence.
            unit = AnnotationUnit(str(row["unit"] or AnnotationUnit.SENTENCE))
            _count(work[_At(str(row["annotator"]), unit)], row)
    return work


def _rows(batch: pa.Table) -> Iterator[dict[str, object]]:
    rows: list[dict[str, object]] = batch.select(list(_COLUMNS)).to_pylist()
    yield from rows


def _count(person: _Work, row: dict[str, object]) -> None:
    answer = tuple(row[name] for name in ("server", "project_id", "annotation_id"))
    if row["status"] == AnnotationStatus.SKIPPED or row["verdict"] is None:
        person.skipped.add(answer)
        return
    page = person.pages.setdefault(answer, _Page())
    page.sentences += 1
    if isinstance(row["lead_seconds"], float):
        page.seconds = (page.seconds or 0.0) + row["lead_seconds"]
    spans, flags = row["spans"] or [], row["flags"] or []
    assert isinstance(spans, list) and isinstance(flags, list)  # noqa: S101, PT018 - their columns
    vote = _Vote(
        row["updated_at"],
        str(row["verdict"]),
        tuple(span["type"] for span in spans),
        AnswerFlag.SPANS_MISSING in flags,
    )
    kept = person.gold if row["purpose"] == Purpose.GOLD else person.votes
    key = str(row["sentence_id"])
    if key not in kept or kept[key].updated_at < vote.updated_at:  # type: ignore[operator]
        kept[key] = vote


def _report(
    at: _At,
    person: _Work,
    votes: Mapping[str, Counter[str]],
    gold: Mapping[str, str],
    *,
    counted: bool,
) -> AnnotatorReport:
    verdicts = Counter(vote.verdict for vote in person.votes.values())
    types = Counter(kind for vote in person.votes.values() for kind in vote.types)
    incorrect = [v for v in person.votes.values() if v.verdict == Verdict.INCORRECT]
    on_gold = [(vote.verdict, gold[key]) for key, vote in person.gold.items() if key in gold]
    others = {key: _others(votes[key], vote.verdict, counted) for key, vote in person.votes.items()}
    shared = {key: counts for key, counts in others.items() if counts.total()}
    agreed = [counts[person.votes[key].verdict] / counts.total() for key, counts in shared.items()]
    seconds = person.seconds
    return AnnotatorReport(
        annotator=at.annotator,
        unit=at.unit,
        answers=len(person.pages),
        sentences=sum(page.sentences for page in person.pages.values()),
        skips=len(person.skipped),
        withdrawn=not counted,
        median_seconds=median(seconds) if seconds else None,
        per_hour=3600 * len(seconds) / sum(seconds) if any(seconds) else None,
        gold_answers=len(on_gold),
        gold_accuracy=_share([given == right for given, right in on_gold]),
        shared=len(shared),
        agreement=sum(agreed) / len(agreed) if agreed else None,
        verdicts={verdict.value: _of(verdicts, verdict.value) for verdict in Verdict},
        types={kind: _of(types, kind) for kind in sorted(types)},
        missing_spans=_share([vote.misses_spans for vote in incorrect]),
        concerns=tuple(_concerns(person, verdicts, list(shared.values()))),
    )


def _others(counts: Counter[str], own: str, counted: bool) -> Counter[str]:
    """Returns what the others said, from what all who count said."""
    others = Counter(counts)
    if counted:
        others[own] -= 1
    return others


def _concerns(
    person: _Work, verdicts: Counter[str], others: Sequence[Counter[str]]
) -> Iterator[Concern]:
    shares = [share for page in person.pages.values() if (share := page.share_of_least) is not None]
    if len(shares) >= FEW_ANSWERS and median(shares) < 1:
        yield Concern.TOO_FAST
    if verdicts.total() < FEW_ANSWERS:
        return
    [(usual, count)] = verdicts.most_common(1)
    share = count / verdicts.total()
    theirs = sum(counts[usual] for counts in others) / max(1, sum(c.total() for c in others))
    if share >= ALIKE_SHARE and theirs < share - ALIKE_MARGIN:
        yield Concern.ALL_ALIKE


def _share(held: Sequence[bool]) -> float | None:
    return sum(held) / len(held) if held else None


def _of(counts: Counter[str], name: str) -> float:
    return counts[name] / counts.total() if counts.total() else 0.0
