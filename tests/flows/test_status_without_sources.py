"""Where a workspace stands is told although a source has gone that it took everything of."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.flows.ingest import ingest
from alignbench.flows.prompts import prompts
from alignbench.flows.status import failure_rows, stage_counts, workspace_status
from alignbench.generators.errors import InputFileError
from alignbench.schemas.vocabulary import StageName

CONFIG = """
[run]
max_failure_share = 0.5
[[sources]]
name = "photos"
kind = "folder"
path = "photos"
[[sources]]
name = "further"
kind = "folder"
path = "further"
[[prompts]]
name = "list"
kind = "file"
path = "prompts.txt"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, count in (("photos", 3), ("further", 1)):
        (tmp_path / name).mkdir()
        for number in range(count):
            path = tmp_path / name / f"{number}.png"
            Image.new("RGB", (8, 8), (number, count, 7)).save(path)
    (tmp_path / "photos" / "9.png").write_bytes(b"no image")
    (tmp_path / "prompts.txt").write_text("A red cat.\nA blue dog.\n")
    (tmp_path / "alignbench.toml").write_text(CONFIG)
    ingest.fn(str(tmp_path))
    prompts.fn(str(tmp_path))
    return tmp_path


def test_what_came_of_a_source_is_counted_without_it(root: Path) -> None:
    before = workspace_status(str(root))
    assert before.notes == []
    shutil.rmtree(root / "photos")
    (root / "prompts.txt").unlink()
    after = workspace_status(str(root))
    assert sorted(after.counts, key=str) == sorted(before.counts, key=str)
    assert [note.partition(":")[0] for note in after.notes] == ["photos", "list"]
    assert "photos" in after.notes[0]
    assert [row.code for row in failure_rows(str(root))] == ["AB-G10"]
    assert stage_counts(str(root), StageName.CAPTION) == []
    with pytest.raises(InputFileError):
        stage_counts(str(root), StageName.INGEST)


def test_scripts_get_the_counts_alone(root: Path) -> None:
    shutil.rmtree(root / "photos")
    done = CliRunner().invoke(app, ["-C", str(root), "status", "--json"])
    assert {item["scope"]: item["done"] for item in json.loads(done.stdout)}["photos"] == 3
    assert "photos: what is left to take of it is not known" in done.stderr
    plain = CliRunner().invoke(app, ["-C", str(root), "status"])
    assert plain.exit_code == 0
    assert "photos: what is left to take of it is not known" in plain.stdout
