"""Rubrics are files with a version."""

from pathlib import Path

import pytest

from alignbench.judging.critic.rubric import read_rubric, rubric_names
from alignbench.judging.errors import RubricError

BUILT_IN = Path(__file__).parents[3] / "judging/critic/rubrics"


def test_the_built_in_rubrics_are_the_same_in_two_languages() -> None:
    assert rubric_names() == ["general_v1.en", "general_v1.zh"]
    english, chinese = (read_rubric(name) for name in rubric_names())
    assert (english.scale.lowest, english.scale.highest) == (1, 10)
    assert english.scale == chinese.scale
    assert [(x.from_, x.to) for x in english.levels] == [(x.from_, x.to) for x in chinese.levels]
    assert len(english.rules) == len(chinese.rules)


def test_a_rubric_that_was_used_is_never_edited() -> None:
    assert [read_rubric(name).label for name in rubric_names()] == [
        "general_v1.en@1dac775e", "general_v1.zh@d2303dab",
    ]  # fmt: skip


def test_a_rubric_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "strict.toml"
    text = (BUILT_IN / "general_v1.en.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('name = "general"', 'name = "strict"'), encoding="utf-8")
    assert read_rubric(str(path)).label.startswith("strict_v1.en@")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 0", "version"), ("highest = 10", "highest = 20", "levels"),
        ("{mark}", "here", "{mark} is missing"), ('language = "en"', "", "language"),
        ("version = 1", "version = 1\nruels = []", "ruels"),
        ("[words]", "[words", "cannot be read"),
    ],
)  # fmt: skip
def test_a_rubric_with_a_mistake_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "own.toml"
    text = (BUILT_IN / "general_v1.en.toml").read_text(encoding="utf-8")
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RubricError, match=says.replace("{", r"\{")):
        read_rubric(str(path))


def test_a_name_that_is_not_known_is_refused_with_the_nearest() -> None:
    with pytest.raises(RubricError, match=r"Did you mean 'general_v1.en'\?"):
        read_rubric("general_v1.eng")
