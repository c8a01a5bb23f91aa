"""On the core's dependencies alone, releases can be verified and made."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Everything that only an extra brings: importing one of them fails, and looking for it finds none,
# as where it is not installed.
BLOCK = """
import importlib.util, sys
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *package: (
    None if name.partition(".")[0] in {blocked} else find_spec(name, *package)
)
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = ["alignbench", *{arguments}]
from alignbench.cli import main
main()
"""
BLOCKED = {
    "datasets",
    "fastapi",
    "httpx",
    "label_studio_sdk",
    "matplotlib",
    "pandas",
    "polars",
    "prefect",
    "spacy",
    "torch",
    "transformers",
}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["release", "--help"], ["verify", "--help"], ["evaluate", "--help"]]
)
def test_help_needs_the_core_only(arguments: list[str]) -> None:
    code = BLOCK.format(blocked=BLOCKED, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_the_extra_evaluation_scores_a_release_without_prefect_and_label_studio(
    released: Path, tmp_path: Path
) -> None:
    blocked = BLOCKED - extra("evaluation")
    assert {"prefect", "label_studio_sdk", "spacy", "torch"} <= blocked
    asked = ["evaluate", str(released), "--detector", "sentence_length", "--out", str(tmp_path)]
    code = BLOCK.format(blocked=blocked, arguments=asked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "results").glob("*.svg"))


PLUG_INS = """
import importlib.util, sys
from importlib.metadata import entry_points
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "diffusers", "accelerate"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from alignbench.schemas.errors import MissingExtraError
groups = "sources prompt_sources captioners image_generators detectors importers"
for group in groups.split():
    for plug_in in entry_points(group=f"alignbench.{group}"):
        try:
            plug_in.load()
        except (ModuleNotFoundError, MissingExtraError):
            print(plug_in.name)
"""
IN_PROCESS = {
    "clip", "clip4dm", "diffusers", "itm", "likelihood", "refclip", "siglip", "transformers", "vlm",
}  # fmt: skip


def test_only_models_in_this_process_need_pytorch() -> None:
    command = [sys.executable, "-c", PLUG_INS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == IN_PROCESS


def extra(name: str) -> set[str]:
    """Returns the import names of the packages that an extra brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    for requirement in project["optional-dependencies"][name]:
        of_others = re.fullmatch(r"alignbench\[(.*)\]", requirement)
        if of_others is None:
            found.add(re.split(r"[<>=\[]", requirement)[0].replace("-", "_"))
        else:
            found = found.union(*(extra(other) for other in of_others[1].split(",")))
    return found
