"""Plug-ins of installed packages, found by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alignbench.schemas import registry
from alignbench.schemas.configuration.config import parse_config
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.registry import Group, find, names


@pytest.fixture
def two_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two installed distributions that both bring a captioner called `mine`."""
    target = "generators.captioners.precomputed:PrecomputedCaptioner"
    for package, own in (("first-captioners", "one"), ("second-captioners", "two")):
        folder = tmp_path / f"{package.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(
            f"[alignbench.captioners]\nmine = {target}\n{own} = {target}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    yield
    _forget()


def _forget() -> None:
    find.cache_clear()
    registry._entry_points.cache_clear()


def test_a_name_that_two_packages_bring_is_refused_naming_both(two_packages: None) -> None:
    text = '[[captioners]]\nname = "a"\nbackend = "mine"\n'
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "alignbench.toml")
    assert "first-captioners and second-captioners" in caught.value.what
    assert caught.value.what.startswith("alignbench.toml: [[captioners]] 'a': 'mine'")
    assert "Uninstall one" in caught.value.fix


def test_other_plugins_of_those_packages_can_be_used(two_packages: None) -> None:
    assert {"one", "two", "precomputed"} <= set(names(Group.CAPTIONERS))
    assert find(Group.CAPTIONERS, "one") is find(Group.CAPTIONERS, "two")
