"""Values of a configuration that would fail only later are refused when it is read."""

import pytest

from alignbench.schemas.configuration.config import decode_config, parse_config
from alignbench.schemas.errors import AlignBenchError, ConfigError

CAPTIONER = '[[captioners]]\nname = "good"\nbackend = "precomputed"\n'


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "alignbench.toml")
    return caught.value


@pytest.mark.parametrize("name", ["all", "annotations"])
@pytest.mark.parametrize("section", ["captioners", "image_generators"])
def test_a_model_may_not_be_named_as_another_config_of_a_release(name: str, section: str) -> None:
    error = refused(f'[[{section}]]\nname = "{name}"\nbackend = "precomputed"\n')
    assert f"{section}.0.name is wrong" in error.what
    assert error.fix == "Give the model another name."


@pytest.mark.parametrize("split", ["test-a", "a..b", "test."])
def test_a_split_that_datasets_cannot_load_is_refused(split: str) -> None:
    error = refused(f'[release.splits]\n"{split}" = 1')
    assert f"release.splits.{split}" in error.what
    assert "'test'" in error.fix


@pytest.mark.parametrize("split", ["test", "test_2", "a.b", "a" * 64])
def test_a_split_that_is_accepted_can_be_released(split: str) -> None:
    from alignbench.release.names import check_names

    config = parse_config(CAPTIONER + f'[release.splits]\n"{split}" = 1', "alignbench.toml")
    check_names([config.captioners[0].name], config.release.splits)


def test_the_round_of_decisions_is_refused_as_the_round_of_answers() -> None:
    error = refused('[annotation]\nround = "adjudication"')
    assert error.what == "alignbench.toml: annotation.round is wrong: it is the round of decisions."
    assert error.fix == "Choose another name."


@pytest.mark.parametrize("name", ["1", "pilot-2", "adjudication-2", "a" * 64])
def test_any_other_name_is_a_round_s(name: str) -> None:
    config = parse_config(f'[annotation]\nround = "{name}"', "alignbench.toml")
    assert config.annotation.round == name


def test_a_captioner_of_no_source_is_refused() -> None:
    error = refused(CAPTIONER + "sources = []")
    assert "captioners.0.sources is wrong" in error.what
    assert error.fix == "Leave it out for all."


@pytest.mark.parametrize(
    "url",
    [
        "label-studio.example.org",
        "ftp://example.org",
        "http://",
        "http:///path",
        "http://example.org:0",
        "http://example.org:port",
        "http://[::1",
        "http://exa mple.org",
        "http://example.org/\\n",
        "http://admin:sekret@example.org",
        "http://sekret@example.org",
        "http://example.org/?token=sekret",
        "http://example.org/#sekret",
        "",
    ],
)
def test_a_server_address_that_is_none_or_has_a_secret_is_refused_unseen(url: str) -> None:
    error = refused(f'[annotation]\nurl = "{url}"')
    assert "annotation.url is wrong" in error.what
    assert "sekret" not in str(error)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "https://example.org/label-studio/", "http://[::1]:8080"]
)
def test_a_server_address_is_kept_as_it_is(url: str) -> None:
    config = parse_config(f'[annotation]\nurl = "{url}"', "alignbench.toml")
    assert config.annotation.url == url


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (CAPTIONER + "sampels = 1", "[[captioners]] 'good'"),
        (CAPTIONER + "params = { seed = 1 }", "[[captioners]] 'good' params"),
        (CAPTIONER.replace("precomputed", "precomputd"), "[[captioners]] 'good'"),
        ("[[sources]]\nname = 'photos'\nkind = 'folder'", "[[sources]] 'photos'"),
        ("[[prompts]]\nname = 'mine'\nkind = 'fil'", "[[prompts]] 'mine'"),
    ],
)
def test_a_mistake_in_a_plugins_section_names_the_entry(text: str, place: str) -> None:
    with pytest.raises(AlignBenchError) as caught:
        parse_config(text, "alignbench.toml")
    assert caught.value.what.startswith(f"alignbench.toml: {place}: ")


def test_a_secret_beside_a_mistyped_key_is_not_repeated() -> None:
    error = refused('[[captioners]]\nname = "a"\nbackendd = "sekret"\napi_key = "sekret"\n')
    assert "sekret" not in str(error)
    assert error.fix == "Did you mean 'backend'?"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode_config(b"\xef\xbb\xbfname = 'a'", "alignbench.toml") == "name = 'a'"


@pytest.mark.parametrize(
    ("data", "offset"),
    [(b"\xff\xfen\x00", 0), (b"name = '\xe9'", 8), (b"\xef\xbb\xbf'\xe9'", 4)],
)
def test_a_file_in_another_encoding_names_the_byte(data: bytes, offset: int) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_config(data, "alignbench.toml")
    assert caught.value.what == f"alignbench.toml is not UTF-8: see the byte at offset {offset}."
    assert caught.value.__cause__ is None
