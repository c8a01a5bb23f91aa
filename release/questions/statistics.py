"""What the rows of a release of questions come to: its tables of `statistics/`, and its counts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from alignbench.release.columns.cells import Cell
from alignbench.release_format.layout import STATISTICS
from alignbench.release_format.question_columns import (
    JUDGEMENTS,
    QUESTIONS,
    RESPONSES,
    TABLES,
    VARIANTS,
)
from alignbench.schemas.ids import canonical_json, sha256_hex

Tables = dict[str, list[list[Cell]]]

_PLACES: Final = 6
"""Digits of a mean: fewer than two machines could differ in."""


def statistics_path(name: str) -> str:
    """Returns where a table of statistics lies in a release."""
    return f"{STATISTICS}/{name}.csv"


def question_statistics(tables: Mapping[str, pa.Table]) -> Tables:
    """Returns the tables of `statistics/` over a release's rows, each with its line of names."""
    questions = tables[QUESTIONS.name]
    return {
        "questions_by_task": _by_task(questions),
        "answers_by_model": _by_model(tables),
        "scores_by_judge": _by_judge(tables),
    }


def rows_sha256(tables: Mapping[str, pa.Table]) -> str:
    """Returns a hash of all that the rows say, whatever wrote the files that they are in.

    Images are in it by their ids, which are hashes of them.
    """
    lines = []
    for name in sorted(TABLES):
        lines.append(name)
        lines += [canonical_json(row) for row in tables[name].to_pylist()]
    return sha256_hex("\n".join(lines).encode())


def _by_task(questions: pa.Table) -> list[list[Cell]]:
    names = ("source", "category", "task", "language")
    clusters: dict[tuple[str, ...], set[str]] = defaultdict(set)
    count: dict[tuple[str, ...], int] = defaultdict(int)
    for row in questions.select([*names, "cluster"]).to_pylist():
        key = tuple(row[name] for name in names)
        clusters[key].add(row["cluster"])
        count[key] += 1
    head: list[Cell] = [*names, "questions", "clusters"]
    rows: list[list[Cell]] = [[*key, count[key], len(clusters[key])] for key in sorted(count)]
    return [head, *rows]


def _by_model(tables: Mapping[str, pa.Table]) -> list[list[Cell]]:
    variants = tables[VARIANTS.name]["status"].to_pylist()
    asked = len(tables[QUESTIONS.name]) + variants.count("accepted")
    found: dict[tuple[str, bool], set[str]] = defaultdict(set)
    samples: dict[tuple[str, bool], int] = defaultdict(int)
    for row in tables[RESPONSES.name].select(["model", "blind", "asked_id"]).to_pylist():
        key = (row["model"], row["blind"])
        found[key].add(row["asked_id"])
        samples[key] += 1
    head: list[Cell] = ["model", "blind", "answers", "asked", "unanswered"]
    return [
        head,
        *(
            [model, str(blind).lower(), samples[model, blind], asked, asked - len(ids)]
            for (model, blind), ids in sorted(found.items())
        ),
    ]


def _by_judge(tables: Mapping[str, pa.Table]) -> list[list[Cell]]:
    """Returns mean scores of each model by each judge, over the first sample of each answer.

    An answer's score is the mean of its draws; `macro` is the unweighted mean of the task means.
    """
    task = _task_of(tables[QUESTIONS.name])
    answers = {row["response_id"]: row for row in _rows(
        tables[RESPONSES.name], ("response_id", "model", "blind", "sample_index", "question_id")
    ) if row["sample_index"] == 0}  # fmt: skip
    draws: dict[tuple[str, str, bool], dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in _rows(tables[JUDGEMENTS.name], ("response_id", "judge", "score")):
        answer = answers.get(row["response_id"])
        if answer is not None:
            key = (row["judge"], answer["model"], answer["blind"])
            draws[key][row["response_id"]].append(row["score"])
    head: list[Cell] = ["judge", "model", "blind", "scored_answers", "macro", "row_weighted"]
    found: list[list[Cell]] = [head]
    for (judge, model, blind), scored in sorted(draws.items()):
        by_task: dict[str, list[float]] = defaultdict(list)
        for response_id in sorted(scored):
            mean = _mean(sorted(scored[response_id]))
            by_task[task[answers[response_id]["question_id"]]].append(mean)
        every = [mean for name in sorted(by_task) for mean in by_task[name]]
        macro = _mean([_mean(by_task[name]) for name in sorted(by_task)])
        found.append([judge, model, str(blind).lower(), len(every), round(macro, _PLACES),
                      round(_mean(every), _PLACES)])  # fmt: skip
    return found


def _task_of(questions: pa.Table) -> dict[str, str]:
    rows = _rows(questions, ("question_id", "task"))
    return {row["question_id"]: row["task"] for row in rows}


def _rows(table: pa.Table, names: Iterable[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.select(list(names)).to_pylist()
    return found


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
