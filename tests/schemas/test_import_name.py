"""Everything is imported as `alignbench.…`, once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.name for path in (ROOT / "alignbench").iterdir() if path.is_symlink())

EVERYTHING = """
import importlib, pkgutil, sys
import alignbench
for module in pkgutil.walk_packages(alignbench.__path__, "alignbench."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:  # what it needs is not installed
            if (error.name or "alignbench").partition(".")[0] in ("alignbench", *sys.argv[1:]):
                raise
print(*sorted(name for name in sys.modules if "." not in name))
"""


def test_each_folder_at_the_top_is_a_package_of_alignbench() -> None:
    assert {"flows", "annotation", "generators", "schemas"} <= set(FOLDERS)
    for name in FOLDERS:
        assert (ROOT / "alignbench" / name).readlink() == Path("..", name)
        assert (ROOT / name / "__init__.py").is_file()


def test_no_module_is_imported_by_its_bare_name_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING, *FOLDERS],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not set(FOLDERS) & set(done.stdout.split())


@pytest.mark.parametrize("folder", FOLDERS)
def test_lint_bans_the_bare_name(folder: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", "x.py",
         "--quiet", "-"],
        input=f"from {folder}.x import y\n", cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "TID251" in done.stdout
