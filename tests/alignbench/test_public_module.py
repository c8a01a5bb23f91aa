"""`import alignbench`: typed names, a version, and nothing imported before it is used."""

import ast
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import alignbench
from alignbench.cli.app import app

ROOT = Path(__file__).parents[2]

SOURCE = Path(str(alignbench.__file__))


def typed_imports() -> dict[str, str]:
    """Where a type checker finds the public names: the module of each."""
    found = {}
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("alignbench."):
            found |= {name.name: str(node.module) for name in node.names}
    return found


def test_a_release_is_opened_and_verified_through_the_public_module(released: Path) -> None:
    assert "release.json" in alignbench.open_release(str(released)).sizes
    assert alignbench.verify(released).ok


def test_what_is_wrong_can_be_caught_by_its_public_base(tmp_path: Path) -> None:
    with pytest.raises(alignbench.AlignBenchError, match=r"AB-R\d\d"):
        alignbench.open_release(str(tmp_path / "nothing"))


def test_every_public_name_is_there_and_is_the_one_that_type_checkers_see() -> None:
    assert set(alignbench.__all__) == {*typed_imports(), "__version__"}
    assert typed_imports() == alignbench._MODULE_OF
    assert set(alignbench.__all__) <= set(dir(alignbench))
    for name in alignbench.__all__:
        assert getattr(alignbench, name) is not None


def test_a_name_that_is_not_there_is_refused_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'alignbench' has no attribute 'opne'"):
        getattr(alignbench, "opne")  # noqa: B009 - what `alignbench.opne` does at run time


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, typing, json; before = set(sys.modules); import alignbench; " \
           "print(json.dumps(sorted(set(sys.modules) - before)))"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["alignbench"]


def test_the_version_is_that_of_the_installation() -> None:
    assert alignbench.__version__ == version("alignbench")
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.stdout) == (0, f"alignbench {version('alignbench')}\n")
