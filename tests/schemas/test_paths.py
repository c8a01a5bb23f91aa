"""Paths as the system has them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.schemas.paths import real_path


def test_links_are_followed_and_nothing_need_be_there(tmp_path: Path) -> None:
    (tmp_path / "to").symlink_to("folder")
    assert real_path(tmp_path / "to" / "none.txt") == real_path(tmp_path) / "folder" / "none.txt"


@pytest.mark.parametrize("verb", [["verify"], ["diff", "x"], ["-C"]])
def test_a_circle_of_links_is_the_systems_error_to_tell(tmp_path: Path, verb: list[str]) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    assert real_path(tmp_path / "one")
    rest = ["status"] if verb == ["-C"] else []
    done = CliRunner().invoke(app, [*verb, str(tmp_path / "one"), *rest])
    assert isinstance(done.exception, OSError)
