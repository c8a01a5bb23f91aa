"""Captions, images and prompts that no configured model takes are told of, not passed over."""

import json
from pathlib import Path

import pytest

from alignbench.doctor.examination import examine
from alignbench.flows.caption import caption
from alignbench.flows.imagine import imagine
from alignbench.flows.ingest import ingest
from alignbench.flows.questions.respond import respond
from alignbench.flows.runs.errors import NoJudgeError
from alignbench.flows.runs.orchestration import run_flow
from alignbench.flows.runs.run import open_run
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS
from tests.fixtures.odd_images import encoded, picture

SOURCE = """
[[sources]]
name = "given"
kind = "captions"
path = "captions.jsonl"
images = "."
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "one.png").write_bytes(encoded(picture(), "PNG"))
    row = {"file_name": "one.png", "caption": "A red ball lies on grass.", "model": "mine"}
    (tmp_path / "captions.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "alignbench.toml").write_text(SOURCE)
    return tmp_path


def with_captioner(root: Path, name: str, more: str = "") -> None:
    entry = f'[[captioners]]\nname = "{name}"\nbackend = "precomputed"\n{more}\n'
    (root / "alignbench.toml").write_text(SOURCE + entry)


def test_captions_by_a_model_of_a_misspelt_name_are_told_of(root: Path) -> None:
    with_captioner(root, "mien")
    said = (
        "1 caption is by 'mine', which no [[captioners]] entry takes. Did you mean 'mien'? Set its "
        "repo to 'mine'."
    )
    assert said in run_flow(ingest, str(root)).notes
    assert said in run_flow(caption, str(root)).notes
    [found] = [each for each in examine(str(root)) if each.check == "captions"]
    assert (found.state, f"{found.found}. {found.fix}") == ("note", said)
    with_captioner(root, "mien", 'repo = "mine"')
    report = run_flow(caption, str(root))
    assert (report.made, report.notes) == (1, [])


def test_images_prompts_and_questions_without_a_model_are_told_of(root: Path) -> None:
    assert run_flow(caption, str(root)).notes == run_flow(imagine, str(root)).notes == []
    run_flow(ingest, str(root))
    run = open_run(str(root))
    run.workspace.table(PROMPTS).append(
        [Prompt(prompt_id="0" * 64, text="A cat.", origin="o")], "r"
    )
    assert run_flow(caption, str(root)).notes[0].startswith("no captioner is configured: ")
    assert run_flow(imagine, str(root)).notes[0].startswith("no image generator is configured: ")
    with pytest.raises(NoJudgeError, match="could answer questions"):
        run_flow(respond, str(root))
