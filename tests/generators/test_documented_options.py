"""An operator finds every key of the built-in plug-ins in the documentation."""

from pathlib import Path

import pytest

from alignbench.schemas.registry import Group, find, names

DOCS = Path(__file__).parents[2] / "docs"
GROUPS = (Group.SOURCES, Group.PROMPT_SOURCES, Group.CAPTIONERS, Group.IMAGE_GENERATORS)


@pytest.mark.parametrize(("group", "name"), [(g, n) for g in GROUPS for n in names(g)])
def test_every_key_is_documented(group: Group, name: str) -> None:
    plugin = find(group, name)
    keys = set(plugin.options_type.model_fields)
    if hasattr(plugin, "params_type"):
        keys |= set(plugin.params_type.model_fields)
    documented = "".join((DOCS / page).read_text() for page in ("operators.md", "models.md"))
    assert not {key for key in keys if key not in documented}
