"""What each row of a release of questions must say: by itself, and of the rows that it names."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from alignbench.release.verify.joined import PSEUDONYM
from alignbench.release.verify.report import Findings, Rule
from alignbench.release_format.layout import DATA
from alignbench.release_format.question_columns import (
    JUDGEMENTS,
    JUDGES,
    MODELS,
    QUESTIONS,
    RATINGS,
    RESPONSES,
    VARIANT_COUNTS,
    VARIANTS,
    ReleasedTable,
)
from alignbench.schemas import ids
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.variant_decisions import SaidOfVariant
from alignbench.schemas.vocabulary import Direction, VariantStatus

ROLES: Final = ("answers", "writes variants", "checks variants", "judges")
"""What a model did."""

_BY_PEOPLE: Final = ItemCode.VARIANT_REFUSED_BY_PEOPLE.value

Row = Mapping[str, Any]
Problem = tuple[Rule, str]


def row_problems(table: ReleasedTable, row: Row) -> Iterator[Problem]:
    """Yields what is wrong with a row by itself."""
    try:
        yield from _CHECKS[table.name](row)
    except (ValueError, TypeError, AttributeError) as error:
        yield Rule.VALUE, f"a value cannot be read: {error}"


def check_references(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Checks that what rows speak of is there, and that both say the same of it."""
    questions = _by_key(tables, QUESTIONS)
    models = _by_key(tables, MODELS)
    responses = _by_key(tables, RESPONSES)
    judges = _by_key(tables, JUDGES)
    asked = {key: key for key in questions}
    for place, row in _placed(tables, VARIANTS, findings):
        if row["status"] == VariantStatus.ACCEPTED:
            asked[row["variant_id"]] = row["question_id"]
        place.needs(questions, row["question_id"])
        place.agrees(models, row["generator_id"], model=row["model"], role="writes variants")
    for place, row in _placed(tables, RESPONSES, findings):
        place.needs(asked, row["asked_id"])
        place.needs(questions, row["question_id"])
        if asked.get(row["asked_id"], row["question_id"]) != row["question_id"]:
            place.add(Rule.AGREES, "asked_id is of another question than question_id")
        place.agrees(models, row["generator_id"], model=row["model"], role="answers")
    for place, row in _placed(tables, JUDGES, findings):
        place.agrees(models, row["generator_id"], role="judges")
    scales = {key: _scale(row) for key, row in judges.items()}
    for place, row in _placed(tables, JUDGEMENTS, findings):
        place.needs(responses, row["response_id"])
        place.agrees(judges, row["judge_id"], name=row["judge"], rubric=row["rubric"])
        low, high = scales.get(row["judge_id"], (-math.inf, math.inf))
        if not low <= row["score"] <= high:
            place.add(Rule.VALUE, f"the score {row['score']} is not from {low:g} to {high:g}")
    for place, row in _placed(tables, RATINGS, findings):
        place.needs(responses, row["response_id"])


class _Place:
    """A row, for what is found in it."""

    def __init__(self, table: ReleasedTable, number: int, findings: Findings) -> None:
        self._file = f"{DATA}/{table.name}"
        self._number, self._findings = number, findings

    def add(self, rule: Rule, text: str) -> None:
        self._findings.add(self._file, rule, text, self._number)

    def needs(self, others: Mapping[str, object], key: str) -> None:
        if key not in others:
            self.add(Rule.REFERENCE, f"what it speaks of, {key}, is not in the release")

    def agrees(self, others: Mapping[str, Row], key: str, **said: str) -> None:
        other = others.get(key)
        if other is None:
            self.needs(others, key)
            return
        for name, value in said.items():
            if other[name] != value:
                self.add(Rule.AGREES, f"{name} of {key} is {other[name]!r} there, not {value!r}")


def _by_key(tables: Mapping[str, pa.Table], table: ReleasedTable) -> dict[str, Row]:
    (key,) = table.key
    return {row[key]: row for row in tables[table.name].to_pylist()}


def _placed(
    tables: Mapping[str, pa.Table], table: ReleasedTable, findings: Findings
) -> Iterator[tuple[_Place, Row]]:
    for number, row in enumerate(tables[table.name].to_pylist()):
        yield _Place(table, number, findings), row


def _question(row: Row) -> Iterator[Problem]:
    turns = [(turn["user"], turn["assistant"]) for turn in row["history"]]
    facts = ids.question_facts(
        row["task"], row["language"], row["image_name"], turns, row["prompt"], row["reference"]
    )
    if ids.question_id(row["source"], row["cluster"], row["variant"], facts) != row["question_id"]:
        yield Rule.IDENTITY, "question_id does not follow from what the question says"


def _variant(row: Row) -> Iterator[Problem]:
    expected = ids.variant_id(
        row["question_id"], row["generator_id"], row["style"], row["sample_index"]
    )
    if expected != row["variant_id"]:
        yield Rule.IDENTITY, "variant_id does not follow from the row"
    if row["status"] not in set(VariantStatus):
        yield Rule.VALUE, f"status {row['status']!r} is not of the vocabulary"
    if (row["status"] == VariantStatus.ACCEPTED) == (row["code"] is not None):
        yield Rule.VALUE, "a code stands with a refused question, and only there"
    yield from _people_on_variant(row)


def _people_on_variant(row: Row) -> Iterator[Problem]:
    counts = [row[name] for name in VARIANT_COUNTS]
    there = [count for count in counts if count is not None]
    if there and (len(there) < len(counts) or min(there) < 0 or not sum(there)):
        yield Rule.VALUE, f"{there} is not how many people say what"
        return
    said = SaidOfVariant(*there) if there else SaidOfVariant(0, 0, 0)
    by_people = row["code"] == _BY_PEOPLE
    if by_people != (said.is_refused and row["code"] in (None, _BY_PEOPLE)):
        yield Rule.AGREES, f"{tuple(said)} people say the same, another thing or neither"
    elif by_people and row["message"] != said.why_refused:
        yield Rule.AGREES, "message does not say how many people refuse the question"


def _response(row: Row) -> Iterator[Problem]:
    expected = ids.response_id(
        row["generator_id"], row["asked_id"], blind=row["blind"], sample_index=row["sample_index"]
    )
    if expected != row["response_id"]:
        yield Rule.IDENTITY, "response_id does not follow from the row"
    if ids.text_sha256(row["text"]) != row["text_sha256"]:
        yield Rule.IDENTITY, "text_sha256 is not that of the text"
    if row["seed"] not in (None, ids.item_seed(row["response_id"])):
        yield Rule.IDENTITY, "seed does not follow from response_id"


def _judge(row: Row) -> Iterator[Problem]:
    manner = {
        "system_turn": row["system_turn"],
        "structured": row["structured"],
        "task_notes": _parsed(row["task_notes"]),
    }
    if ids.judge_id(row["generator_id"], row["rubric"], manner) != row["judge_id"]:
        yield Rule.IDENTITY, "judge_id does not follow from the row"
    low, high = _scale(row)
    if not low < high:
        yield Rule.VALUE, f"the rubric's scale goes from {low} to {high}"


def _judgement(row: Row) -> Iterator[Problem]:
    if ids.judgement_id(row["judge_id"], row["response_id"], row["draw"]) != row["judgement_id"]:
        yield Rule.IDENTITY, "judgement_id does not follow from the row"
    if not math.isfinite(row["score"]):
        yield Rule.VALUE, f"the score is {row['score']}"


def _rating(row: Row) -> Iterator[Problem]:
    if not PSEUDONYM.fullmatch(row["annotator"]):
        yield Rule.PSEUDONYM, "the annotator has no pseudonym"
    if not 0 < row["probability"] <= 1:
        yield Rule.VALUE, f"the chance {row['probability']} of being rated is none"
    seconds = row["lead_seconds"]
    if not math.isfinite(row["rating"]) or (seconds is not None and not math.isfinite(seconds)):
        yield Rule.VALUE, f"the rating is {row['rating']}, in {seconds} seconds"


def _model(row: Row) -> Iterator[Problem]:
    params = _parsed(row["params"])
    expected = ids.generator_id(
        Direction.I2T, row["backend"], row["repo"], row["revision"], row["instruction"], params
    )
    if expected != row["generator_id"]:
        yield Rule.IDENTITY, "generator_id does not follow from the row"
    if row["role"] not in ROLES:
        yield Rule.VALUE, f"role {row['role']!r} is not of the vocabulary"


def _scale(judge: Row) -> tuple[float, float]:
    """Returns the ends of a judge's scale; all numbers where the rubric cannot be read."""
    try:
        rubric = _parsed(judge["rubric_text"])
        return float(rubric["lowest"]), float(rubric["highest"])
    except (ValueError, TypeError, KeyError):
        return -math.inf, math.inf


def _parsed(text: str) -> Any:
    """Returns what is written as JSON; nothing of what is none, from which no id follows."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_CHECKS: Final = {
    QUESTIONS.name: _question,
    VARIANTS.name: _variant,
    RESPONSES.name: _response,
    JUDGES.name: _judge,
    JUDGEMENTS.name: _judgement,
    RATINGS.name: _rating,
    MODELS.name: _model,
}
