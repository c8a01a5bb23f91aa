"""How well people answer: on gold, beside each other, and in what they leave out."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.team_report.given_answers import GivenAnswers, has_flag, says_incorrect
from alignbench.annotation.team_report.intervals import Share
from alignbench.schemas.rows.annotation import Gold
from alignbench.schemas.vocabulary import AnswerFlag, HallucinationType, Purpose, Verdict

FEWEST_JUDGED: Final = 30
"""Nobody is said to be worse than others on fewer answers."""
EVERYTHING: Final = "all"

GOLD_COLUMNS: Final = pa.schema(
    [
        ("annotator", pa.string()), ("gold_that_is", pa.string()), ("answers", pa.int64()),
        ("right", pa.int64()), ("share", pa.float64()), ("low", pa.float64()),
        ("high", pa.float64()), ("others", pa.float64()), ("below_others", pa.bool_()),
    ]
)  # fmt: skip
AGREEMENT_COLUMNS: Final = pa.schema(
    [
        ("annotator", pa.string()), ("unit", pa.string()), ("week_from", pa.string()),
        ("shared_sentences", pa.int64()), ("agreement", pa.float64()),
    ]
)  # fmt: skip
_HABITS: Final = (
    ("annotator", pa.string()), ("answers", pa.int64()),
    *((verdict.value, pa.float64()) for verdict in Verdict),
    ("marks", pa.int64()),
    *((f"type_{kind.value}", pa.float64()) for kind in HallucinationType),
    ("contradictions", pa.int64()), ("contradiction_share", pa.float64()),
    ("incorrect_without_marks", pa.int64()), ("without_marks_share", pa.float64()),
)  # fmt: skip
HABIT_COLUMNS: Final = pa.schema(list(_HABITS))


class GoldAnswer(NamedTuple):
    """An answer to a sentence whose answer is known.

    Attributes:
        annotator: Whose it is.
        sentence_id: The sentence.
        verdict: What was said.
        spans: What was marked, with `start`, `end` and `type`.
        gold: What is right.
        unit: What the annotator was shown.
    """

    annotator: str
    sentence_id: str
    verdict: Verdict
    spans: Sequence[Mapping[str, Any]]
    gold: Gold
    unit: str

    @property
    def is_right(self) -> bool:
        """Whether the verdict is."""
        return self.verdict is self.gold.verdict

    def hits(self, kind: HallucinationType) -> bool:
        """Tells whether a mark of a type lies on words that are wrong in that way."""
        return any(
            mark["type"] == kind and mark["start"] < span.end and span.start < mark["end"]
            for mark in self.spans
            for span in self.gold.spans
            if span.type is kind
        )


def gold_answers(answers: GivenAnswers, gold: Mapping[str, Gold]) -> list[GoldAnswer]:
    """Returns the newest answer of each person to each sentence of gold."""
    votes = answers.votes(Purpose.GOLD)
    names = ("annotator", "sentence_id", "verdict", "spans", "unit")
    columns = (votes[name].to_pylist() for name in names)
    return [
        GoldAnswer(name, key, Verdict(verdict), spans or (), gold[key], unit)
        for name, key, verdict, spans, unit in zip(*columns, strict=True)
        if key in gold and verdict is not None
    ]


def gold_accuracy(given: Sequence[GoldAnswer]) -> pa.Table:
    """Returns how often each person was right on gold, by its verdict and by its types.

    Of a type it is right to mark, as that type, words that are wrong in that way.
    """
    held: defaultdict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for answer in given:
        for scope, is_right in _scopes(answer):
            held[answer.annotator, scope][is_right] += 1
    totals: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for (_, scope), counts in held.items():
        totals[scope].update(counts)
    rows = [
        _gold_row(name, scope, counts, totals[scope] - counts)
        for (name, scope), counts in sorted(held.items(), key=_gold_order)
    ]
    return pa.Table.from_pylist(rows, GOLD_COLUMNS)


def agreement_by_week(answers: GivenAnswers) -> pa.Table:
    """Returns how far each person says what others say, week by week.

    It is the mean, over sentences that others answered too, of the share of the others who gave the
    same verdict. Sentences and captions are told apart: on a caption's page silence is *correct*.
    """
    table = with_others(answers)
    table = table.filter(pc.greater(table["others"], 0))
    week = pc.floor_temporal(table["annotated_at"], unit="week")
    table = table.append_column("week_from", pc.strftime(week, format="%Y-%m-%d"))
    agreed = pc.divide(pc.cast(table["same"], pa.float64()), pc.cast(table["others"], pa.float64()))
    table = table.append_column("agreed", agreed)
    keys = ["annotator", "unit", "week_from"]
    grouped = table.group_by(keys).aggregate([("agreed", "count"), ("agreed", "mean")])
    grouped = grouped.sort_by([(key, "ascending") for key in keys])
    names = [*keys, "agreed_count", "agreed_mean"]
    return pa.table([grouped[name] for name in names], schema=AGREEMENT_COLUMNS)


def with_others(answers: GivenAnswers) -> pa.Table:
    """Returns the votes with how many `others` answered the same sentence, and said the `same`.

    Whoever does not count is no measure of others.
    """
    votes = answers.votes(Purpose.LABEL)
    counted = answers.counted(votes)
    all_of = counted.group_by(["unit", "sentence_id"]).aggregate([("verdict", "count")])
    same_as = counted.group_by(["unit", "sentence_id", "verdict"]).aggregate([("day", "count")])
    joined = votes.drop_columns(["spans", "flags"])  # a join takes no lists
    joined = joined.join(all_of, ["unit", "sentence_id"])
    joined = joined.join(same_as, ["unit", "sentence_id", "verdict"])
    out = pa.array(sorted(answers.out), pa.string())
    own = pc.if_else(pc.is_in(joined["annotator"], value_set=out), 0, 1)
    others = pc.subtract(pc.fill_null(joined["verdict_count"], 0), own)
    same = pc.subtract(pc.fill_null(joined["day_count"], 0), own)
    joined = joined.append_column("others", others).append_column("same", same)
    # A join keeps no order.
    return joined.sort_by([("annotator", "ascending"), ("sentence_id", "ascending")])


def habits(answers: GivenAnswers) -> pa.Table:
    """Returns each person's shares of verdicts and types, and what their answers leave out.

    A contradiction is an answer that marks words and says that the sentence is not wrong; its marks
    are not used.
    """
    votes = answers.votes(Purpose.LABEL)
    votes = votes.append_column("contradicts", has_flag(votes, AnswerFlag.SPANS_DROPPED))
    votes = votes.append_column("misses", has_flag(votes, AnswerFlag.SPANS_MISSING))
    votes = votes.append_column("is_incorrect", says_incorrect(votes))
    names = sorted(set(votes["annotator"].to_pylist()))
    rows = [_habit_row(name, votes.filter(pc.equal(votes["annotator"], name))) for name in names]
    return pa.Table.from_pylist(rows, HABIT_COLUMNS)


def _scopes(answer: GoldAnswer) -> Iterator[tuple[str, bool]]:
    yield EVERYTHING, answer.is_right
    yield answer.gold.verdict.value, answer.is_right
    for kind in dict.fromkeys(span.type for span in answer.gold.spans):
        yield f"type {kind}", answer.hits(kind)


def _gold_order(item: tuple[tuple[str, str], Counter[bool]]) -> tuple[str, int, str]:
    (name, scope), _ = item
    rank = 0 if scope == EVERYTHING else 2 if scope.startswith("type ") else 1
    return name, rank, scope


def _gold_row(
    name: str, scope: str, counts: Counter[bool], others: Counter[bool]
) -> dict[str, object]:
    own = Share(counts[True], counts.total())
    theirs = Share(others[True], others.total())
    is_judged = min(own.count, theirs.count) >= FEWEST_JUDGED
    return {
        "annotator": name,
        "gold_that_is": scope,
        "answers": own.count,
        "right": own.held,
        "share": own.value,
        "low": own.low,
        "high": own.high,
        "others": theirs.value,
        "below_others": is_judged and (own.high or 0.0) < (theirs.value or 0.0),
    }


def _habit_row(name: str, votes: pa.Table) -> dict[str, object]:
    verdicts = Counter(votes["verdict"].to_pylist())
    types = Counter(span["type"] for spans in votes["spans"].to_pylist() for span in spans or ())
    contradicts = Share(pc.sum(votes["contradicts"]).as_py() or 0, len(votes))
    misses = Share(pc.sum(votes["misses"]).as_py() or 0, verdicts[Verdict.INCORRECT.value])
    return {
        "annotator": name,
        "answers": len(votes),
        **{v.value: Share(verdicts[v.value], len(votes)).value for v in Verdict},
        "marks": types.total(),
        **{
            f"type_{k.value}": Share(types[k.value], types.total()).value for k in HallucinationType
        },
        "contradictions": contradicts.held,
        "contradiction_share": contradicts.value,
        "incorrect_without_marks": misses.held,
        "without_marks_share": misses.value,
    }
