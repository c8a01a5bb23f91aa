"""`questions answers`: what a model answered elsewhere is judged and released as any other."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.flows.questions.report import question_report
from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.answerers import answering_models
from alignbench.flows.status import stage_counts
from alignbench.schemas.errors import ConfigError, UsageError
from alignbench.schemas.tables import JUDGEMENTS, RESPONSES
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.workspace import Workspace
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import ModelServer, running, said

ENTRIES = [question(number) for number in range(4)]


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running() as found:
        found.script = by_model({"vlm": lambda _: said("One."), "critic": lambda _: rated(7)})
        yield found


@pytest.fixture
def opened(tmp_path: Path, server: ModelServer) -> Workspace:
    url = server.base_url
    config = entry("captioners", "vlm", url) + entry("judges", "critic", url)
    return workspace(tmp_path / "w", config, ENTRIES)


def answers(
    opened: Workspace, lines: list[dict[str, Any]], *more: str, kind: str = "own"
) -> Result:
    file = Path(opened.url) / "answers.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    arguments = ["questions", "answers", kind, str(file), "--model", "theirs", *more]
    return CliRunner().invoke(app, ["-C", opened.url, *arguments])


THREE = [
    {"cluster": "0", "variant": "0", "answer": "Two."},
    {"cluster": "0", "variant": "1", "answer": "<think>Two or three?</think>Three."},
    {"cluster": "1", "answer": "Two cats."},
]


def test_they_are_judged_beside_the_answers_of_captioners_and_released(opened: Workspace) -> None:
    told = answers(opened, THREE)
    assert told.exit_code == 0, told.output
    assert "3 added, 0 unchanged" in told.output
    assert "1 question of the set has none" in told.output
    rows = {row.text: row for row in opened.table(RESPONSES).rows()}
    assert rows.keys() == {"Two.", "Three.", "Two cats."}, "thoughts are left out"
    assert "0 added, 3 unchanged" in answers(opened, THREE).output
    for verb in (["respond"], ["judge"]):
        assert CliRunner().invoke(app, ["-C", opened.url, *verb]).exit_code == 0
    assert opened.table(JUDGEMENTS).count() == 3 + 4
    assert [one.scope for one in stage_counts(opened.url, StageName.RESPOND)] == ["vlm"]
    page = question_report(opened.url, figures=False).page
    table = csv.DictReader((page.parent / "results/leaderboard.csv").open())
    assert {row["model"]: row["unanswered"] for row in table} == {"vlm": "0", "theirs": "1"}
    done = CliRunner().invoke(app, ["-C", opened.url, "questions", "release", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"]["responses"] == 7


def test_a_file_as_the_published_script_reads_it_and_what_is_wrong_in_it(
    opened: Workspace,
) -> None:
    lines: list[dict[str, Any]] = [
        {"question_id": "0-0", "predict": "Two."},
        {"question_id": "0-0", "predict": "Three."},
        {"question_id": "9-0", "predict": "Two."},
        {"question_id": "0-1", "predict": ""},
        {"question_id": "01", "predict": "Two."},
        {"question_id": "1-0", "predict": "<|im_end|>"},
    ]
    told = answers(opened, lines, "--json", kind="alignmmbench")
    assert told.exit_code == 1
    found = json.loads(told.stdout)
    assert (found["added"], found["unanswered"]) == (1, 3)
    assert [one["code"] for one in found["failures"]] == [
        "AB-G32", "AB-G32", "AB-G31", "AB-G32", "AB-G67",
    ]  # fmt: skip
    changed = answers(opened, [{"question_id": "0-0", "predict": "Four."}], kind="alignmmbench")
    assert "has another answer of this model here" in changed.output
    assert [row.text for row in opened.table(RESPONSES).rows()] == ["Two."]
    blind = answers(opened, lines[:1], "--blind", kind="alignmmbench")
    assert "1 added" in blind.output
    assert sorted(row.blind for row in opened.table(RESPONSES).rows()) == [False, True]


def test_names_that_are_taken_or_unknown_are_told(opened: Workspace, server: ModelServer) -> None:
    taken = answers(opened, THREE, "--model", "vlm")
    assert isinstance(taken.exception, UsageError)
    unknown = answers(opened, THREE, "--set", "mien")
    assert isinstance(unknown.exception, UsageError)
    assert "mine" in unknown.exception.fix
    answers(opened, THREE)
    config = Path(opened.url) / "alignbench.toml"
    config.write_text(config.read_text() + entry("captioners", "theirs", server.base_url))
    with pytest.raises(ConfigError, match="answers were imported"):
        answering_models(open_run(opened.url))
