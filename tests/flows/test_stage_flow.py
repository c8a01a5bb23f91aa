"""Prefect is imported when it is needed, and a stage is its flow whoever imported it first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from alignbench.flows.runs.stage_flow import may_name_a_server
from alignbench.flows.stages import ENTRYPOINTS, flow_of
from alignbench.schemas.vocabulary import StageName

RUNS_A_STAGE = """
import sys
from alignbench.flows.runs.orchestration import run_flow
from alignbench.flows.prompts import prompts
assert run_flow(prompts, workspace=".").items == 0
assert "prefect" not in sys.modules
"""

AFTER_PREFECT = """
from prefect import Flow
from alignbench.flows.prompts import prompts
assert isinstance(prompts, Flow)
"""

BEFORE_PREFECT = """
from alignbench.flows.prompts import prompts
assert prompts.to_deployment("nightly").flow_name == "prompts"
"""


@pytest.mark.parametrize("code", [RUNS_A_STAGE, AFTER_PREFECT, BEFORE_PREFECT])
def test_a_flow(code: str, tmp_path: Path) -> None:
    (tmp_path / "alignbench.toml").write_text('name = "idle"\n', encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    for module in [name for name in sys.modules if name == "prefect"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_place_names_a_server(nowhere: Path) -> None:
    (nowhere / "pyproject.toml").write_text("[tool.ruff]\n", encoding="utf-8")
    (nowhere / ".env").write_text("OTHER=1\n", encoding="utf-8")
    assert not may_name_a_server()


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "prefect_api_url", "PREFECT_PROFILE"])
def test_a_variable_may_name_one(nowhere: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1/api")
    assert may_name_a_server()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", "PREFECT_API_URL=http://127.0.0.1:1/api"),
        ("prefect.toml", '[api]\nurl = "http://127.0.0.1:1/api"'),
        ("pyproject.toml", '[tool.prefect.api]\nurl = "http://127.0.0.1:1/api"'),
        (".prefect/profiles.toml", 'active = "mine"'),
    ],
)
def test_a_file_may_name_one(nowhere: Path, file: str, text: str) -> None:
    path = nowhere / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert may_name_a_server()


def test_each_stage_has_a_flow_which_the_deployments_name() -> None:
    text = (Path(__file__).parents[2] / "prefect.yaml").read_text()
    deployed = {one["name"]: one["entrypoint"] for one in yaml.safe_load(text)["deployments"]}
    assert set(ENTRYPOINTS) == set(StageName)
    for stage, entrypoint in ENTRYPOINTS.items():
        assert deployed[stage] == entrypoint
        assert callable(flow_of(stage))
