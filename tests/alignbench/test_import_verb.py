"""`import`: from a published file to a report, on the command line."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.schemas.errors import UnknownNameError, UsageError
from tests.release.importers.specimens import FULL, RIGHT, lines
from tests.release.importers.test_contract import rows_of


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(part) for part in arguments])


@pytest.fixture
def halcap(tmp_path: Path) -> Path:
    """Sentences of two models on six images, in AlignBench's columns."""
    records = [
        {**line, "model": model, "image_url": f"https://images.example/{image}.png"}
        for model in ("llava", "cogvlm")
        for image in range(6)
        for line in (FULL, RIGHT)
    ]
    path = tmp_path / "halcap.jsonl"
    path.write_text(lines(*records), encoding="utf-8")
    return path


def test_a_file_of_alignbenchs_columns_goes_to_a_report(halcap, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    release = tmp_path / "releases" / "theirs" / "2.0"
    done = run("import", "alignbench", halcap, "--to", release, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["sentences"] == 24
    assert run("verify", release).exit_code == 0
    assert run("diff", release, release).exit_code == 0
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["sentence_id", "score"])
        for row in rows_of(release):
            table.writerow([row["sentence_id"], float(row["annotation"] == "correct")])
    scores = ("--scores", tmp_path / "mine.csv", "--out", tmp_path / "report")
    done = run("evaluate", release, *scores, "--no-figures", "--json")
    assert done.exit_code == 0, done.output
    auroc = json.loads(done.stdout)["results"]["auroc_by_model"]
    assert {row["model"]: row["auroc"] for row in auroc}["cogvlm"] == 1.0
    assert (tmp_path / "report" / "report.html").is_file()


def test_people_see_the_table_of_labels_and_what_was_not_placed(halcap, tmp_path):
    halcap.write_text(lines({**FULL, "error_words": ["hat"]}))
    said = run("import", "alignbench", halcap, "--to", tmp_path / "theirs").stdout
    assert "misaligned" in said
    assert "wrong words not in the sentence: 1" in said
    assert "halcap.jsonl:1: 'hat'" in said
    assert "The set states no licence." in said
    again = run("import", "alignbench", halcap, "--to", tmp_path / "theirs").stdout
    assert "is there and unchanged" in again


def test_bad_usage_is_an_error(halcap, tmp_path):
    to = ("--to", tmp_path / "theirs")
    assert isinstance(run("import", "alignbensh", halcap, *to).exception, UnknownNameError)
    both = run("import", "alignbench", halcap, *to, "--images", tmp_path, "--fetch-images")
    assert isinstance(both.exception, UsageError)
