"""The layers that the docs show are those that import-linter enforces."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.schemas.test_import_name import FOLDERS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
NAME = re.compile(r"\w+")


def enforced_layers() -> list[str]:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    # A layer in parentheses may be absent; to a reader it is a layer as any other.
    return [re.sub(r"[()]", "", layer) for layer in layers]


def shown_layers() -> list[str]:
    diagram = PAGE.partition("```text\n")[2].partition("```")[0]
    return [line.strip() for line in diagram.splitlines() if NAME.search(line)]


def test_the_diagram_shows_the_layers_that_are_enforced() -> None:
    assert shown_layers() == enforced_layers()


def test_the_page_says_of_each_package_what_it_holds() -> None:
    described = re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)
    assert described == NAME.findall(" ".join(enforced_layers()))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_comes_into_source_archive_and_container(folder: str) -> None:
    assert folder in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert f"!{folder}" in ignored
