"""On the core's dependencies alone, releases can be verified and made."""

import subprocess
import sys

import pytest

# Everything that only an extra brings: importing one of them fails, as where it is not installed.
BLOCK = """
import sys
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
