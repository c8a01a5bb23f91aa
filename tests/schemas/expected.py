"""Files that are generated and checked in; their tests renew them with `UPDATE_EXPECTED=1`."""

import os
from pathlib import Path

UPDATE = "UPDATE_EXPECTED"


def assert_same_as_file(path: Path, current: str, reason: str) -> None:
    """Fails if the file does not hold that text; writes it instead if the environment asks."""
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(current, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else ""
    test = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]
    assert current == expected, f"{reason} Then run: {UPDATE}=1 .venv/bin/pytest {test}"
