"""`questions sample`: what is drawn stays drawn, and the report knows what it stands for."""

import csv
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.flows.questions.report import question_report
from alignbench.flows.status import workspace_status
from alignbench.judging.errors import SampleDrawnError, SampleSizeError
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.tables import RATINGS, RESPONSES, ROUNDS, SAMPLED_QUESTIONS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, RoundForm, StageName
from alignbench.workspace.workspace import Workspace
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import ModelServer, running, said

QUESTIONS = 80
NOW = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running() as found:
        found.script = by_model({
            "vlm": lambda asked: said(f"Two cats, {len(asked.text) % 5} dogs."),
            "critic": lambda asked: rated(
                3 + sum(map(ord, asked.body["messages"][-1]["content"])) % 5
            ),
        })  # fmt: skip
        yield found


def verb(opened: Workspace, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["-C", opened.url, *arguments])


def test_a_sample_is_drawn_once_and_its_ratings_make_calibrated_figures(
    tmp_path: Path, server: ModelServer
) -> None:
    models = entry("captioners", "vlm", server.base_url) + entry("judges", "critic",
                                                                 server.base_url)  # fmt: skip
    opened = workspace(tmp_path / "w", models, [question(n) for n in range(QUESTIONS)])
    for arguments in (["respond"], ["judge"]):
        assert verb(opened, *arguments).exit_code == 0
    tried = verb(opened, "questions", "sample", "40", "--dry-run")
    assert "40 of 80 questions drawn" in tried.output
    assert "nothing was kept" in tried.output
    assert opened.table(SAMPLED_QUESTIONS).count() == 0
    for _ in range(2):
        told = verb(opened, "questions", "sample", "40")
        assert told.exit_code == 0
        assert "'alignbench push --round ratings'" in told.output
    pending = [
        (one.scope, one.pending)
        for one in workspace_status(opened.url).counts
        if one.stage is StageName.PUSH
    ]
    assert pending == [("vlm, round ratings", 40)]
    rows = {row.asked_id: row for row in opened.table(SAMPLED_QUESTIONS).rows()}
    assert len(rows) == QUESTIONS
    assert sum(row.drawn for row in rows.values()) == 40
    again = verb(opened, "questions", "sample", "50")
    assert isinstance(again.exception, SampleDrawnError)
    too_many = verb(opened, "questions", "sample", "90", "--round", "2")
    assert isinstance(too_many.exception, SampleSizeError)
    begun = Round(
        round="3", form=RoundForm.QUEUES, unit=AnnotationUnit.SENTENCE, first=3, most=3, until=None,
        control_share=1.0,
    )  # fmt: skip
    opened.table(ROUNDS).append([begun], "run")
    of_sentences = verb(opened, "questions", "sample", "40", "--round", "3")
    assert "asks people about sentences" in str(of_sentences.exception)
    given = [
        Rating(
            server="s", project_id=1, annotation_id=3 * number + person,
            response_id=row.response_id, round="1", annotator=name, rating=float(2 + number % 4),
            reason=None, status=AnnotationStatus.SUBMITTED, lead_seconds=None, updated_at=NOW,
            probability=rows[row.asked_id].probability,
        )
        for number, row in enumerate(opened.table(RESPONSES).rows()) if rows[row.asked_id].drawn
        for person, name in enumerate(("ann", "bo", "cy"))
    ]  # fmt: skip
    opened.table(RATINGS).append(given, "run")
    told = json.loads(verb(opened, "questions", "report", "--no-figures", "--json").stdout)
    assert set(told) == {"report", "notes", "results"}
    assert all(isinstance(rows, list) for rows in told["results"].values())
    assert Path(told["report"]).exists()
    page = question_report(opened.url, figures=False).page
    figures = list(csv.DictReader((page.parent / "results/calibrated.csv").open()))
    assert {row["rated answers"] for row in figures} == {"40"}
    assert all(row["mean_low"] < row["people_high"] for row in figures)
    raters = list(csv.DictReader((page.parent / "results/raters.csv").open()))
    assert [row["ratings"] for row in raters] == ["40", "40", "40"]
    assert "ann" not in (page.parent / "results/raters.csv").read_text().split(",")
