"""What annotators read comes from one file a language, which is checked when it is read."""

from importlib.resources import files
from pathlib import Path

import pytest

from alignbench.annotation.label_studio import texts as package
from alignbench.annotation.label_studio.guidelines import guidelines_html
from alignbench.annotation.label_studio.texts import annotator_texts, languages
from alignbench.schemas.errors import ConfigError

ENGLISH = files(package).joinpath("en.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", languages())
def test_each_language_marks_the_wrong_words_of_every_example(language: str) -> None:
    texts = annotator_texts(language)
    assert texts.language == language
    for said in texts.types.values():
        assert all(example.count("*") == 2 for example in said.examples)
    assert "*" not in guidelines_html(texts)


def test_another_wording_has_another_id(tmp_path: Path) -> None:
    ids = {annotator_texts(language).guideline_id for language in languages()}
    assert len(ids) == len(languages())
    (tmp_path / "own.toml").write_text(ENGLISH.replace("Zoom into", "Look into"), encoding="utf-8")
    assert annotator_texts("own.toml", tmp_path).guideline_id not in ids
    (tmp_path / "own.toml").write_text(f"# a comment\n{ENGLISH}", encoding="utf-8")
    assert annotator_texts("own.toml", tmp_path) == annotator_texts("en")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("[verdicts.unknown]", "[verdicts.unclear]", "verdicts.unclear"),
        ("<h2>", "<h2 onclick='x()'>", "is not shown by the server"),
        ("<h2>", "<script>", "<script> is not shown by the server"),
        ('name = "object"', 'name = "attribute"', "two buttons have one name"),
        ('direction = "ltr"', 'direction = "up"', "direction"),
        ('note = "Note"', 'note = "Note', "is not TOML"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, written: str, instead: str, said: str
) -> None:
    (tmp_path / "own.toml").write_text(ENGLISH.replace(written, instead, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        annotator_texts("own.toml", tmp_path)
    assert said in str(refused.value)


def test_a_language_that_does_not_come_along_is_named_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="what comes along is ar, en, ja, zh"):
        annotator_texts("xx")
    with pytest.raises(ConfigError, match="cannot be read"):
        annotator_texts("missing.toml")
