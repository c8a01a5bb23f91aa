import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds a program beside this Python or on the PATH; without it the test is skipped."""

    def find(name: str) -> str:
        beside = str(Path(sys.executable).parent)
        found = shutil.which(name, path=os.pathsep.join((beside, os.environ["PATH"])))
        if found is None:
            pytest.skip(f"{name} is not installed")
        return found

    return find
