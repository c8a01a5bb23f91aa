"""A configuration that is wrong is refused with the place and the nearest right word."""

import datetime
from pathlib import Path

import pytest

from alignbench.schemas.configuration.config import Config, configuration_folder, parse_config
from alignbench.schemas.errors import AlignBenchError, ConfigError, UnknownNameError

SOURCE = '[[sources]]\nname = "photos"\nkind = "folder"\npath = "photos"\n'
CAPTIONER = '[[captioners]]\nname = "good"\nbackend = "precomputed"\n'
PROMPTS = '[[prompts]]\nname = "mine"\nkind = "file"\npath = "prompts.txt"\n'


def refused(text: str) -> AlignBenchError:
    with pytest.raises(AlignBenchError) as caught:
        parse_config(text, "alignbench.toml")
    assert caught.value.exit_code == 2
    assert "alignbench.toml" in caught.value.what
    return caught.value


def test_an_empty_configuration_has_every_default() -> None:
    config = parse_config("", "alignbench.toml")
    assert config == Config()
    assert config.annotation.annotators_per_sentence == 3


def test_a_whole_configuration_is_read() -> None:
    config = parse_config(
        'name = "bench"\n' + SOURCE + CAPTIONER + 'sources = ["photos"]\nsamples = 2\n' + PROMPTS
        + '[release]\nversion = "1.1.0"\ndate = 2026-01-31\n[run]\ncommit_seconds = 5\n',
        "alignbench.toml",
    )  # fmt: skip
    assert config.sources[0].further == {"path": "photos"}
    assert config.sources[0].options().model_dump()["path"] == "photos"
    assert config.captioners[0].samples == 2
    assert config.prompts[0].options().model_dump()["path"] == "prompts.txt"
    assert config.release.date == datetime.date(2026, 1, 31)
    assert config.run.commit_seconds == 5.0


@pytest.mark.parametrize(
    ("text", "place", "nearest"),
    [
        ("sorces = []", "sorces", "sources"),
        ("[anotation]", "anotation", "annotation"),
        ('[annotation]\nuri = "x"', "annotation.uri", "url"),
        ("[annotation]\nannotators = 3", "annotation.annotators", "annotators_per_sentence"),
        ("[run]\ncommit_row = 1", "run.commit_row", "commit_rows"),
        ("[release]\nlicence = 'x'", "release.licence", "license"),
        (SOURCE + "recursiv = true", "recursiv", "recursive"),
        (SOURCE.replace("path", "pth"), "pth", "path"),
        (SOURCE + "knd = 1", "knd", "kind"),
        (CAPTIONER + "sample = 3", "sample", "samples"),
        (CAPTIONER + "instructions = 'x'", "instructions", "instruction"),
        (PROMPTS + "pathh = 1", "pathh", "path"),
        (CAPTIONER.replace("backend", "backnd"), "captioners.0.backnd", "backend"),
        (SOURCE.replace("kind", "knd"), "sources.0.knd", "kind"),
    ],
)
def test_an_unknown_key_names_the_nearest(text: str, place: str, nearest: str) -> None:
    error = refused(text)
    assert isinstance(error, ConfigError)
    assert f"'{place}'" in error.what
    assert error.fix == f"Did you mean '{nearest}'?"


def test_a_key_that_is_near_to_none_lists_them_all() -> None:
    error = refused("[labels]\nzzzzzz = 1")
    assert error.fix == "Known: every_round, method, minimum_votes."


def test_a_parameter_that_is_not_sent_is_refused() -> None:
    error = refused(CAPTIONER + "params = { temprature = 1 }")
    assert "temprature" in error.what
    assert "captioners" in error.what


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('name = "has space"', "name"),
        ('name = "../up"', "name"),
        ("name = 3", "name"),
        ("sources = 3", "sources"),
        ("[run]\ncommit_rows = 0", "run.commit_rows"),
        ("[run]\ncommit_rows = 'many'", "run.commit_rows"),
        ("[run]\nmax_failure_share = 1.5", "run.max_failure_share"),
        ("[annotation]\nannotators_per_sentence = 0", "annotation.annotators_per_sentence"),
        ("[annotation]\nproject = 'ab'", "annotation.project"),
        ("[annotation]\nstorage = 'ftp'", "annotation.storage"),
        ("[labels]\nmethod = 'vote'", "labels.method"),
        ("[release]\ndate = 'yesterday'", "release.date"),
        (CAPTIONER + "samples = 0", "captioners.0.samples"),
        (SOURCE.replace('"photos"\n', "3\n"), "sources.0.name"),
    ],
)
def test_a_wrong_value_names_its_place(text: str, place: str) -> None:
    error = refused(text)
    assert isinstance(error, ConfigError)
    assert f"{place} is wrong" in error.what


def test_a_value_of_another_type_is_told_as_toml_has_it() -> None:
    for text, advice in (
        ('[sources]\nname = "x"\nkind = "folder"\npath = "x"\n', "write [[sources]]"),
        ("[release]\nversion = 1.0\n", "in quotation marks"),
        ('[annotation]\nteam = "a@b.org"\n', "in square brackets"),
    ):
        assert advice in refused(text).fix


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[sources]]\nname = 'a'", "sources.0.kind"),
        ("[[sources]]\nname = 'a'\nkind = 'folder'", "path"),
        ("[[captioners]]\nbackend = 'precomputed'", "captioners.0.name"),
    ],
)
def test_a_missing_key_is_named(text: str, place: str) -> None:
    error = refused(text)
    assert error.what.endswith(f"{place} is missing.")
    assert error.fix == "Add that key."


def test_what_is_not_toml_names_the_line() -> None:
    error = refused('name = "a"\nsources = [\n')
    assert "not TOML" in error.what
    assert "line" in error.what or "end of document" in error.what


@pytest.mark.parametrize("text", [SOURCE * 2, CAPTIONER * 2, PROMPTS * 2])
def test_a_name_may_stand_once(text: str) -> None:
    assert "stands twice" in refused(text).what


def test_a_captioner_and_an_image_generator_may_not_share_a_name() -> None:
    text = CAPTIONER + '[[image_generators]]\nname = "good"\nbackend = "none"\n'
    assert "'good' stands twice" in refused(text).what


def test_names_of_different_things_may_be_the_same() -> None:
    parse_config(SOURCE + CAPTIONER.replace("good", "photos"), "alignbench.toml")


def test_a_captioner_of_an_unknown_source_is_refused() -> None:
    error = refused(SOURCE + CAPTIONER + 'sources = ["fotos"]')
    assert "'fotos'" in error.what
    assert "photos" in error.fix


@pytest.mark.parametrize(
    ("text", "name", "fix"),
    [
        (SOURCE.replace("folder", "foldr"), "foldr", "Did you mean 'folder'?"),
        (CAPTIONER.replace("precomputed", "precomputd"), "precomputd", "'precomputed'"),
        (PROMPTS.replace('"file"', '"zzz"'), "zzz", "Known: file"),
        ('[[image_generators]]\nname = "a"\nbackend = "b"\n', "b", ""),
    ],
)
def test_an_unknown_plugin_names_the_nearest(text: str, name: str, fix: str) -> None:
    error = refused(text)
    assert isinstance(error, UnknownNameError)
    assert repr(name) in error.what
    assert fix in error.fix


def test_no_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LABEL_STUDIO_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    parse_config(SOURCE + CAPTIONER + PROMPTS, "alignbench.toml")


@pytest.mark.parametrize(
    "text",
    [
        '[annotation]\napi_key = "sk-secret"',
        'api_key = "sk-secret"',
        '[annotation]\nstorage = "sk-secret"',
        "[run]\ncommit_rows = 'sk-secret'",
        CAPTIONER + 'api_key = "sk-secret"',
        CAPTIONER + 'params = { api_key = "sk-secret" }',
        'name = "sk secret"',
    ],
)
def test_a_value_is_never_repeated_in_an_error(text: str) -> None:
    error = refused(text)
    assert "secret" not in str(error)
    assert error.__cause__ is None


def test_relative_paths_start_at_the_workspace() -> None:
    assert configuration_folder("/data/bench") == Path("/data/bench")


def test_relative_paths_of_a_workspace_on_s3_start_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert configuration_folder("s3://bucket/prefix") == tmp_path
