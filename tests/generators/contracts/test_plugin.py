"""One new file and one entry of a catalog add a captioner, and the contract tests find it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "tests" / "example_plugin"
CONTRACT = "tests/generators/contracts/test_captioners.py"


def run(*command: str, path: Path | None = None) -> str:
    """Runs a command at the root of the repository; `path` is where the plug-in is installed."""
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contract_tests(path: Path | None) -> set[str]:
    """Returns the tests that are found, by their ids."""
    listed = run("-m", "pytest", "--collect-only", "-q", CONTRACT, path=path)
    return {line for line in listed.splitlines() if line.startswith(CONTRACT)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example was installed to, built from its folder."""
    root = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, root / "source")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    target = ("--target", str(root / "installed"))
    run("-m", "pip", "install", *offline, *target, str(root / "source"))
    return root / "installed"


def test_an_installed_plugin_is_tried_by_every_contract_test_unasked(installed: Path) -> None:
    without, found = contract_tests(None), contract_tests(installed)
    assert without < found
    new = sorted(found - without)
    assert len(new) == sum("mean-colour" in test for test in found) >= 8
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *new, path=installed)
    passed, skipped = (int((re.findall(rf"(\d+) {word}", said) or [0])[0]) for word in
                       ("passed", "skipped"))  # fmt: skip
    assert passed + skipped == len(new)
    assert skipped == 1, "it has no stream"


def test_an_installed_plugin_is_listed_among_the_models(installed: Path) -> None:
    listed = run("-m", "alignbench", "models", "--kind", "captioner", path=installed)
    [line] = [line for line in listed.splitlines() if line.startswith("mean-colour")]
    assert line.rstrip().endswith("yes")


def test_the_documented_captioner_is_the_tested_one() -> None:
    documented = (ROOT / "docs" / "extending.md").read_text()
    for file in ("pyproject.toml", "mean_colour/captioner.py", "mean_colour/catalog.toml"):
        assert (EXAMPLE / file).read_text() in documented
