"""Who needs help, why, and the sentences that show it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.pulling.annotator_reports import (
    ALIKE_MARGIN,
    ALIKE_SHARE,
    FAST_SECONDS,
    FAST_SECONDS_MORE,
)
from alignbench.annotation.team_report.given_answers import GivenAnswers, has_flag, says_incorrect
from alignbench.annotation.team_report.intervals import Share
from alignbench.annotation.team_report.quality import FEWEST_JUDGED, GoldAnswer, with_others
from alignbench.schemas.vocabulary import AnnotationUnit, AnswerFlag, Purpose, Verdict

MOST_SHOWN: Final = 4
"""Sentences that show one thing about one person."""
CONTRADICTION_SHARE: Final = 0.05
"""From this share of contradictions on, somebody has not understood the page."""
UNMARKED_SHARE: Final = 0.2
"""From this share of *incorrect* without a mark on, answers say too little."""


class ShownAnswer(NamedTuple):
    """An answer that shows why somebody needs help.

    Attributes:
        sentence_id: The sentence.
        verdict: What they said.
        spans: What they marked.
        beside: What is right, or what others said, in words.
        right_spans: The words that are known to be wrong; empty where that is not known.
    """

    sentence_id: str
    verdict: str
    spans: Sequence[Mapping[str, Any]]
    beside: str
    right_spans: Sequence[Mapping[str, Any]] = ()


class Need(NamedTuple):
    """What somebody needs help with.

    Attributes:
        annotator: Who.
        what: In words.
        figures: What it was concluded from, in words.
        shown: Answers that show it.
    """

    annotator: str
    what: str
    figures: str
    shown: Sequence[ShownAnswer]


def needs(answers: GivenAnswers, gold: Sequence[GoldAnswer]) -> list[Need]:
    """Returns who needs help, by name.

    Nobody is on the list by fewer than `FEWEST_JUDGED` answers of the kind that is judged, nor
    anybody whose answers do not count.

    Args:
        answers: The answers.
        gold: Of these, those to gold.
    """
    found = [
        *_wrong_on_gold([one for one in gold if one.annotator not in answers.out]),
        *_unlike_others(answers),
        *_habits(answers),
    ]
    return sorted(found, key=lambda need: need.annotator)


def _wrong_on_gold(gold: Sequence[GoldAnswer]) -> Iterator[Need]:
    """Yields whose interval on gold lies below what the others reach together."""
    right = {
        name: Counter(one.is_right for one in gold if one.annotator == name)
        for name in {one.annotator for one in gold}
    }
    everybody = sum(right.values(), Counter[bool]())
    for name, counts in sorted(right.items()):
        own, others = _share(counts), _share(everybody - counts)
        if not _is_below(own, others):
            continue
        missed = [one for one in gold if one.annotator == name and not one.is_right]
        yield Need(
            name,
            "is wrong on gold more often than the others",
            f"right {_told(own)}; the others {_told(others)}",
            [_beside_gold(one) for one in missed[:MOST_SHOWN]],
        )


def _unlike_others(answers: GivenAnswers) -> Iterator[Need]:
    """Yields who stands alone more often than the others do."""
    table = with_others(answers)
    table = answers.counted(table.filter(pc.greater_equal(table["others"], 2)))
    is_alone = pc.equal(table["same"], 0)
    names = table["annotator"].to_pylist()
    alone: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for name, lonely in zip(names, is_alone.to_pylist(), strict=True):
        alone[name][not lonely] += 1
    everybody = sum(alone.values(), Counter[bool]())
    for name, counts in sorted(alone.items()):
        own, others = _share(counts), _share(everybody - counts)
        if not _is_below(own, others):
            continue
        rows = table.filter(pc.and_(is_alone, pc.equal(table["annotator"], name)))
        yield Need(
            name,
            "says what nobody else says more often than the others",
            f"joined by somebody on {_told(own)}; the others on {_told(others)}",
            _beside_others(answers, name, rows["sentence_id"].to_pylist()[:MOST_SHOWN]),
        )


@dataclass(frozen=True)
class _Habit:
    what: str
    figures: str
    sentence_ids: Sequence[str]


def _habits(answers: GivenAnswers) -> Iterator[Need]:
    votes = answers.counted(answers.votes(Purpose.LABEL))
    others = with_others(answers)
    for name in sorted(set(votes["annotator"].to_pylist())):
        own = votes.filter(pc.equal(votes["annotator"], name))
        beside = others.filter(pc.equal(others["annotator"], name))
        for habit in _of_one(own, beside):
            shown = _beside_others(answers, name, habit.sentence_ids[:MOST_SHOWN])
            yield Need(name, habit.what, habit.figures, shown)


def _too_fast(own: pa.Table) -> Iterator[_Habit]:
    timed = own.filter(pc.is_valid(own["lead_seconds"])).sort_by("lead_seconds")
    # In a caption a sentence has its share of the time in which the image was looked at once.
    least_of = {AnnotationUnit.SENTENCE: FAST_SECONDS, AnnotationUnit.CAPTION: FAST_SECONDS_MORE}
    for unit, least in least_of.items():
        rows = timed.filter(pc.equal(timed["unit"], unit.value))
        usual = pc.approximate_median(rows["lead_seconds"]).as_py()
        if len(rows) >= FEWEST_JUDGED and usual < least:
            of = "answers" if unit is AnnotationUnit.SENTENCE else "sentences in captions"
            figures = f"half of {len(rows):,} {of} took less than {usual:.1f} seconds"
            ids = rows["sentence_id"].to_pylist()
            yield _Habit("answers too fast to have looked", figures, ids)


def _of_one(own: pa.Table, beside: pa.Table) -> Iterator[_Habit]:
    yield from _too_fast(own)
    if len(own) < FEWEST_JUDGED:
        return
    yield from _all_alike(own, beside)
    flags = (
        (own, AnswerFlag.SPANS_DROPPED, CONTRADICTION_SHARE,
         "marks words and then says that nothing is wrong", "of answers"),
        (own.filter(says_incorrect(own)), AnswerFlag.SPANS_MISSING, UNMARKED_SHARE,
         "says incorrect without marking the words", "of answers that say incorrect"),
    )  # fmt: skip
    for rows, flag, most, what, of in flags:
        flagged = rows.filter(has_flag(rows, flag))
        share = Share(len(flagged), len(rows))
        if share.count >= FEWEST_JUDGED and (share.value or 0) > most:
            yield _Habit(what, f"{_told(share)} {of}", flagged["sentence_id"].to_pylist())


def _all_alike(own: pa.Table, beside: pa.Table) -> Iterator[_Habit]:
    [(usual, count)] = Counter(own["verdict"].to_pylist()).most_common(1)
    share = Share(count, len(own))
    same = beside.filter(pc.equal(beside["verdict"], usual))
    # What the others said of all the same sentences, those included that one answered otherwise.
    agreed, asked = pc.sum(same["same"]).as_py() or 0, pc.sum(beside["others"]).as_py() or 0
    alike = agreed / asked if asked else 1.0
    if (share.value or 0) >= ALIKE_SHARE and alike < (share.value or 0) - ALIKE_MARGIN:
        figures = f"{usual} in {_told(share)}; of the same sentences others say so in {alike:.0%}"
        lonely = same.filter(pc.less(same["same"], same["others"]))
        yield _Habit("answers nearly everything alike", figures, lonely["sentence_id"].to_pylist())


def _is_below(own: Share, others: Share) -> bool:
    if min(own.count, others.count) < FEWEST_JUDGED:
        return False
    return (own.high or 0.0) < (others.value or 0.0)


def _share(counts: Counter[bool]) -> Share:
    return Share(counts[True], counts.total())


def _told(share: Share) -> str:
    return f"{share.held:,} of {share.count:,} ({share.value or 0.0:.0%})"


def _beside_gold(answer: GoldAnswer) -> ShownAnswer:
    spans = [{"start": s.start, "end": s.end, "type": s.type.value} for s in answer.gold.spans]
    beside = f"It is {answer.gold.verdict}."
    return ShownAnswer(answer.sentence_id, answer.verdict, answer.spans, beside, spans)


def _beside_others(
    answers: GivenAnswers, name: str, sentence_ids: Sequence[str]
) -> list[ShownAnswer]:
    votes = answers.votes(Purpose.LABEL)
    votes = votes.filter(
        pc.is_in(votes["sentence_id"], value_set=pa.array(sentence_ids, pa.string()))
    )
    own = votes.filter(pc.equal(votes["annotator"], name))
    rows = {row["sentence_id"]: row for row in own.to_pylist()}
    rest = answers.counted(votes.filter(pc.not_equal(votes["annotator"], name)))
    said: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    for key, verdict in zip(
        *(rest[n].to_pylist() for n in ("sentence_id", "verdict")), strict=True
    ):
        said[key][Verdict(verdict)] += 1
    return [
        ShownAnswer(key, rows[key]["verdict"], rows[key]["spans"] or (), _counted(said[key]))
        for key in sentence_ids
    ]


def _counted(verdicts: Counter[Verdict]) -> str:
    counts = [f"{verdicts[verdict]} {verdict}" for verdict in Verdict if verdicts[verdict]]
    return f"Others: {', '.join(counts)}." if counts else "Nobody else has answered it."
