"""The hooks of pre-commit run the programs of `make lint`, and fetch nothing."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def hooks() -> list[dict[str, str]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [repository] = config["repos"]
    assert repository["repo"] == "local"
    return list(repository["hooks"])


def test_the_hooks_are_the_programs_of_make_lint() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(VENV)", ".venv")
    recipe = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    linted = [line.strip().removesuffix(" .") for line in recipe.splitlines()[1:]]
    entries = [hook["entry"].removesuffix(" --force-exclude") for hook in hooks()]
    # A hook mends the form of files; `make lint` only looks.
    assert entries == [command.removesuffix(" --check") for command in linted]


def test_the_hooks_use_what_is_installed() -> None:
    for hook in hooks():
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")
