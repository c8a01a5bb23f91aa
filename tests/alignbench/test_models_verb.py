"""`models`, and the estimates of `--dry-run`, as people and scripts see them."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.doctor import model_requirements
from alignbench.doctor.model_requirements import Gpu, obstacles, requirements
from alignbench.flows.ingest import ingest
from alignbench.schemas.configuration.catalog import CatalogModel, catalog
from tests.alignbench.test_core_install import BLOCK, BLOCKED
from tests.flows.letter_captioner import registered
from tests.schemas.catalogs import BUILTIN, only_catalogs, written_catalogs

MODEL = """
[[models]]
name = "letters-1"
kind = "captioner"
backend = "letters"
repo = "letters"
family = "letters"
license = "mit"
image_tokens = 1000
price_in = 1.0
price_out = 1.0
price_date = 2026-01-31
"""
FOLDER = '[[sources]]\nname = "photos"\nkind = "folder"\npath = "photos"\n'


@pytest.fixture(autouse=True)
def _letters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with registered(monkeypatch):
        yield
    for name in ("largest_gpu", "_missing_backend", "_answers"):
        getattr(model_requirements, name).cache_clear()


@pytest.fixture
def builtin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with only_catalogs(monkeypatch, *BUILTIN):
        yield


def run(*arguments: str) -> Result:
    done = CliRunner(env={"COLUMNS": "60"}).invoke(app, list(arguments))
    assert done.exception is None, done.output
    return done


def model(patch: pytest.MonkeyPatch, folder: Path, **keys: object) -> CatalogModel:
    further = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    text = "\n".join(line for line in MODEL.splitlines() if line.split(" ")[0] not in keys)
    with written_catalogs(patch, folder, {"own_cat": f"{text}\n{further}"}):
        return catalog()["letters-1"]


@pytest.mark.usefixtures("builtin")
def test_the_list_for_scripts_has_its_fixed_keys() -> None:
    listed = json.loads(run("models", "--json").stdout)
    assert len(listed) == len(catalog())
    for row in listed:
        assert {"name", "kind", "backend", "repo", "family"} <= set(row)
        assert row["runs_here"] is (row["why_not"] == [])
    assert {row["kind"] for row in listed} == {"captioner", "image_generator", "detector"}


@pytest.mark.usefixtures("builtin")
def test_one_kind_can_be_listed() -> None:
    listed = json.loads(run("models", "--json", "--kind", "image_generator").stdout)
    assert {row["kind"] for row in listed} == {"image_generator"}


@pytest.mark.usefixtures("builtin")
def test_people_see_size_licence_and_needs() -> None:
    said = run("models", "--kind", "captioner").stdout
    assert "image generators" not in said
    [line] = [line for line in said.splitlines() if line.startswith("qwen2-vl-7b")]
    assert "8.29B" in line
    assert "apache-2.0" in line
    assert "GPU 22 GB" in line
    assert "Qwen/Qwen2-VL-7B-Instruct" in line, "a name is whole in a narrow terminal too"


def test_the_list_needs_the_core_only() -> None:
    code = BLOCK.format(blocked=BLOCKED | {"diffusers"}, arguments=["models", "--json"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for row in json.loads(done.stdout):
        in_process = row["backend"] in ("transformers", "diffusers")
        assert not in_process or "is not installed" in row["why_not"][0]


@pytest.mark.usefixtures("builtin")
def test_a_model_that_is_not_here_runs_once_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed() -> tuple[str, dict[str, bool | None]]:
        said = run("models", "--kind", "captioner").stdout.splitlines()
        rows = json.loads(run("models", "--kind", "captioner", "--json").stdout)
        [line] = [line for line in said if line.startswith("smolvlm-256m")]
        return line, {row["name"]: row["downloaded"] for row in rows}

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    line, downloaded = listed()
    assert "once downloaded" in line
    assert downloaded["smolvlm-256m"] is False
    assert downloaded["gpt-4o"] is None
    cached = tmp_path / "models--HuggingFaceTB--SmolVLM-256M-Instruct"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("a" * 40)
    (cached / "snapshots" / ("a" * 40)).mkdir(parents=True)
    (cached / "snapshots" / ("a" * 40) / "config.json").write_text("{}")
    line, downloaded = listed()
    assert line.rstrip().endswith("yes")
    assert downloaded["smolvlm-256m"] is True


def test_a_catalog_without_models_is_said_to_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    with only_catalogs(monkeypatch):
        assert run("models").stdout == "The catalog is empty.\n"


def test_a_model_that_lacks_nothing_runs_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert obstacles(model(monkeypatch, tmp_path)) == []


def test_a_missing_plugin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = obstacles(model(monkeypatch, tmp_path, backend="nowhere"))
    assert missing == ["no plug-in 'nowhere' is installed"]


def test_a_missing_key_is_named_and_no_key_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed = model(monkeypatch, tmp_path, key_env="LETTERS_KEY")
    monkeypatch.delenv("LETTERS_KEY", raising=False)
    assert obstacles(keyed) == ["LETTERS_KEY is not set"]
    monkeypatch.setenv("LETTERS_KEY", "sekret")
    assert obstacles(keyed) == []


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (None, ["no GPU"]),
        (Gpu("Small GPU", 8.0), ["Small GPU has 8 GB"]),
        (Gpu("Large GPU", 80.0), []),
    ],
)
def test_a_gpu_must_have_the_memory(
    gpu: Gpu | None, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = model(monkeypatch, tmp_path, gpu_gb=24.0)
    # No machine of the tests has each of these; what PyTorch says of this one is asked elsewhere.
    with monkeypatch.context() as patch:
        patch.setattr(model_requirements, "largest_gpu", lambda: gpu)
        assert obstacles(large) == expected


def test_pytorch_is_asked_for_the_gpu_that_is_here() -> None:
    torch = pytest.importorskip("torch")
    gpu = model_requirements.largest_gpu()
    if torch.cuda.is_available():
        assert gpu is not None
        assert gpu.memory_gb > 0
    elif not torch.backends.mps.is_available():
        assert gpu is None


def test_a_server_of_ones_own_must_be_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        text = MODEL + f'options = {{ base_url = "{url}" }}\n'
        with written_catalogs(monkeypatch, tmp_path, {"served_cat": text}):
            served = catalog()["letters-1"]
        assert requirements(served) == [f"a server at {url}"]
        assert obstacles(served) == [f"no server at {url}"]
        model_requirements._answers.cache_clear()
        listening.listen()
        assert obstacles(served) == []


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with written_catalogs(monkeypatch, tmp_path, {"letters_cat": MODEL}):
        root = tmp_path / "w"
        (root / "photos").mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (16, 16), (number, 0, 0)).save(root / "photos" / f"{number}.png")
        own = '[[captioners]]\nname = "own"\nbackend = "letters"\n'
        text = f'{FOLDER}[[captioners]]\nname = "letters-1"\n{own}'
        (root / "alignbench.toml").write_text(text)
        ingest.fn(workspace=str(root))
        yield root


def test_a_dry_run_says_what_it_would_cost(root: Path) -> None:
    said = run("-C", str(root), "caption", "--dry-run").stdout.splitlines()
    assert said == [
        "caption: letters-1: 3 to do",
        "  estimate: 3 requests, about 3,000 tokens in and 600 out; "
        "about $0.00 (price of 2026-01-31)",
        "caption: own: 3 to do",
        "  estimate: 3 requests; no price known",
    ]


def test_a_dry_run_of_a_part_estimates_that_part(root: Path) -> None:
    said = run("-C", str(root), "caption", "--dry-run", "--limit", "2").stdout
    assert "estimate: 2 requests" in said
    assert "estimate: no requests in this run" in said
    assert "of these, 2 at most in this run" in said


def test_scripts_get_the_estimate_too(root: Path) -> None:
    first, second = json.loads(run("-C", str(root), "caption", "--dry-run", "--json").stdout)
    assert (first["scope"], first["pending"]) == ("letters-1", 3)
    assert first["estimate"]["cost_usd"] == pytest.approx(3 * 1200 / 1e6)
    assert first["estimate"]["price_date"] == "2026-01-31"
    assert second["estimate"]["cost_usd"] is None


def test_other_stages_have_no_estimate(root: Path) -> None:
    assert run("-C", str(root), "ingest", "--dry-run").stdout == "ingest: nothing to do\n"
