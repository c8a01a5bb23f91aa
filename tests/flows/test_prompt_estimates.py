"""What prompts by a language model will cost is known before it is asked, or after a few calls."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.schemas.tables import PROMPTS
from alignbench.workspace.workspace import open_workspace
from tests.flows.question_roads import entry
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running, said

CONCEPTS = ["dog", "kite", "boat", "drum", "lamp", "red chair"]


def scene(asked: Asked) -> Reply:
    seed = asked.body["seed"]
    return said(f"A{seed} b{seed} c{seed} d{seed}.")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as found:
        found.script = scene
        yield found


@pytest.fixture
def root(tmp_path: Path, server: ModelServer) -> Path:
    (tmp_path / "list.txt").write_text("A red cat.\nA blue dog.\n")
    written = {
        "kind": "llm", "model": "writer", "concepts": CONCEPTS, "count": 10,
        "price_in": 2.0, "price_out": 10.0,
    }  # fmt: skip
    (tmp_path / "alignbench.toml").write_text(
        '[[prompts]]\nname = "list"\nkind = "file"\npath = "list.txt"\n'
        + "".join(
            line + "\n"
            for line in entry("prompts", "scenes", server.base_url, **written).splitlines()
            if not line.startswith(("backend", "repo"))
        )
    )
    return tmp_path


def prompts_verb(root: Path, *options: str) -> Any:
    done = CliRunner().invoke(app, ["-C", str(root), "prompts", *options, "--json"])
    assert done.exception is None, done.output
    return json.loads(done.stdout)


def test_what_is_to_be_written_is_estimated(root: Path, server: ModelServer) -> None:
    listed, scenes = prompts_verb(root, "--dry-run")
    assert (listed["scope"], listed["pending"], listed["estimate"]["requests"]) == ("list", 2, 0)
    assert (scenes["pending"], scenes["estimate"]["requests"]) == (10, 10)
    assert scenes["estimate"]["output_tokens"] == 600
    assert scenes["estimate"]["input_tokens"] > 300
    assert scenes["estimate"]["cost_usd"] > 0.006
    assert prompts_verb(root, "--dry-run", "--limit", "5")[1]["estimate"]["requests"] == 3
    assert not server.asked


def test_a_few_real_calls_are_kept_and_estimated_from(root: Path, server: ModelServer) -> None:
    _, scenes = prompts_verb(root, "--dry-run", "--calls", "4")
    assert len(server.asked) == open_workspace(root).table(PROMPTS).count() == 4
    estimate = scenes["estimate"]
    assert (scenes["pending"], estimate["input_tokens"], estimate["output_tokens"]) == (6, 66, 42)
    assert estimate["cost_usd"] == pytest.approx((66 * 2 + 42 * 10) / 1e6)
    assert estimate["seconds"] > 0


def test_a_run_with_a_limit_has_no_more_written_than_it_takes(
    root: Path, server: ModelServer
) -> None:
    assert prompts_verb(root, "--limit", "5")["made"] == 5
    assert len(server.asked) == 3
    assert prompts_verb(root)["made"] == 7
    assert len(server.asked) == 10
