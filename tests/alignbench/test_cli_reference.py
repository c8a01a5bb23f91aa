"""docs/cli.md is what the command line says of itself."""

from pathlib import Path

from tests.alignbench.cli_reference import page
from tests.schemas.expected import assert_same_as_file

ROOT = Path(__file__).parents[2]


def test_the_page_of_the_command_line_is_current() -> None:
    assert_same_as_file(ROOT / "docs/cli.md", page(), "docs/cli.md lags behind the command line.")
