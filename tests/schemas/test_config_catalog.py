"""Entries of a configuration that name models of the catalog."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest

from alignbench.schemas import registry
from alignbench.schemas.configuration.config import parse_config
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.errors import AlignBenchError, ConfigError, UnknownNameError
from alignbench.schemas.protocols import Options
from alignbench.schemas.registry import Group
from tests.schemas.catalogs import written_catalogs

CATALOG = """
[[models]]
name = "seer-7b"
kind = "captioner"
backend = "seeing"
repo = "org/seer-7b"
revision = "abc123"
family = "seer"
instruction = "Describe it."
params = { tokens = 100, warmth = 0.5 }
options = { device = "cpu" }
license = "mit"

[[models]]
name = "coder-7b"
kind = "captioner"
backend = "seeing"
repo = "org/coder-7b"
family = "coder"
options = { trust_remote_code = true }
license = "mit"

[[models]]
name = "painter"
kind = "image_generator"
backend = "seeing"
repo = "org/painter"
family = "painter"
license = "mit"
"""
CODER = '[[captioners]]\nname = "coder-7b"\n'


class SeeingOptions(Options):
    device: str = "auto"
    trust_remote_code: bool = False


class SeeingParams(Options):
    tokens: int = 10
    warmth: float = 0.0


class SeeingCaptioner:
    options_type: ClassVar[type[Options]] = SeeingOptions
    params_type: ClassVar[type[Options]] = SeeingParams


@pytest.fixture(autouse=True)
def _catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    installed = registry.entry_points

    def with_seeing(group: str) -> list[EntryPoint]:
        value = f"{__name__}:SeeingCaptioner"
        return [*installed(group=group), EntryPoint("seeing", value, group)]

    monkeypatch.setattr(registry, "entry_points", with_seeing)
    with written_catalogs(monkeypatch, tmp_path, {"seeing_cat": CATALOG}):
        yield


def captioners(text: str) -> list[GeneratorConfig]:
    return list(parse_config(text, "alignbench.toml").captioners)


def refused(text: str) -> AlignBenchError:
    with pytest.raises(AlignBenchError) as caught:
        parse_config(text, "alignbench.toml")
    assert caught.value.exit_code == 2
    assert caught.value.what.startswith("alignbench.toml")
    return caught.value


def test_a_name_alone_takes_everything_from_the_catalog() -> None:
    [seer] = captioners('[[captioners]]\nname = "seer-7b"\n')
    assert (seer.model, seer.backend, seer.repo) == ("seer-7b", "seeing", "org/seer-7b")
    assert (seer.revision, seer.family) == ("abc123", "seer")
    assert seer.instruction == "Describe it."
    assert seer.params == {"tokens": 100, "warmth": 0.5}
    assert seer.options(Group.CAPTIONERS) == SeeingOptions(device="cpu")


def test_what_an_entry_says_itself_wins_and_params_are_merged_key_by_key() -> None:
    [seer] = captioners(
        '[[captioners]]\nname = "seer-7b"\ninstruction = "Count."\ndevice = "cuda"\n'
        "params = { tokens = 5 }\n"
    )
    assert (seer.instruction, seer.family) == ("Count.", "seer")
    assert seer.params == {"tokens": 5, "warmth": 0.5}
    assert seer.options(Group.CAPTIONERS) == SeeingOptions(device="cuda")


def test_two_entries_ask_one_model_two_things() -> None:
    first, second = captioners(
        '[[captioners]]\nname = "brief"\nmodel = "seer-7b"\ninstruction = "Be brief."\n'
        '[[captioners]]\nname = "long"\nmodel = "seer-7b"\n'
    )
    assert (first.name, first.model, first.instruction) == ("brief", "seer-7b", "Be brief.")
    assert (second.name, second.repo, second.instruction) == ("long", first.repo, "Describe it.")


def test_the_catalogs_revision_goes_with_the_catalogs_repository() -> None:
    [seer] = captioners('[[captioners]]\nname = "seer-7b"\nrepo = "my/copy"\n')
    assert (seer.repo, seer.revision) == ("my/copy", None)


def test_a_model_of_ones_own_is_three_lines_and_takes_nothing() -> None:
    [mine] = captioners('[[captioners]]\nname = "seer-7b"\nbackend = "seeing"\nrepo = "my/model"\n')
    assert (mine.model, mine.repo, mine.family) == (None, "my/model", None)
    assert (mine.instruction, mine.params, mine.further) == (None, {}, {})


def test_an_image_generator_is_taken_from_the_catalog() -> None:
    config = parse_config('[[image_generators]]\nname = "painter"\n', "alignbench.toml")
    assert config.image_generators[0].repo == "org/painter"


@pytest.mark.parametrize(
    ("entry", "name", "fix"),
    [
        ('name = "seer7b"', "'seer7b'", "Did you mean 'seer-7b'?"),
        ('name = "mine"\nmodel = "seer-7"', "'seer-7'", "Did you mean 'seer-7b'?"),
        ('name = "zzz"', "'zzz'", "Known: coder-7b, seer-7b."),
        ('name = "zzz"', "'zzz'", "A model of your own needs a 'backend' and a 'repo'."),
        ('name = "painter"', "is no captioner but an image generator", "Name it where"),
    ],
)
def test_a_name_that_is_not_in_the_catalog_gives_the_nearest(
    entry: str, name: str, fix: str
) -> None:
    error = refused(f"[[captioners]]\n{entry}\n")
    assert isinstance(error, UnknownNameError)
    assert name in error.what
    assert fix in error.fix
    assert "[[captioners]]" in error.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[[captioners]]\nname = "a"\nbacknd = "seeing"\n', "no key 'captioners.0.backnd'"),
        ('[[captioners]]\nname = "seer-7b"\ninstrction = "x"\n', "no key 'instrction'"),
        ('[[captioners]]\nname = "seer-7b"\nparams = { token = 1 }\n', "no key 'token'"),
        ('[[captioners]]\nname = "seer-7b"\nparams = 3\n', "captioners.0."),
        ('[[captioners]]\nname = "seer-7b"\nmodel = 3\n', "captioners.0.model is wrong"),
        ('[[captioners]]\nmodel = "seer-7b"\n', "captioners.0.name is missing"),
        ("[[captioners]]\nname = 3\n", "captioners.0.name is wrong"),
        ("captioners = 3\n", "captioners is wrong"),
        ("captioners = [3]\n", "captioners.0 is wrong"),
    ],
)
def test_a_wrong_entry_is_told_by_its_place(text: str, what: str) -> None:
    error = refused(text)
    assert isinstance(error, ConfigError)
    assert what in error.what


def test_a_backend_and_a_model_of_the_catalog_exclude_each_other() -> None:
    error = refused('[[captioners]]\nname = "a"\nbackend = "seeing"\nmodel = "seer-7b"\n')
    assert "has a backend and names a model" in error.what


def test_code_of_a_repository_runs_if_catalog_and_operator_say_so() -> None:
    [coder] = captioners(CODER + "trust_remote_code = true\n")
    assert coder.options(Group.CAPTIONERS) == SeeingOptions(trust_remote_code=True)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (CODER, "'coder-7b' runs code of its repository org/coder-7b"),
        (CODER + "trust_remote_code = false\n", "runs code of its repository"),
        (CODER + 'trust_remote_code = "yes"\n', "runs code of its repository"),
        ('[[captioners]]\nname = "seer-7b"\ntrust_remote_code = true\n', "'seer-7b' runs none"),
        (CODER + 'trust_remote_code = true\nrepo = "my/copy"\n', "code of another repository"),
        (
            '[[captioners]]\nname = "a"\nbackend = "seeing"\ntrust_remote_code = true\n',
            "not a model of a catalog",
        ),
    ],
)
def test_code_of_a_repository_does_not_run_if_one_alone_says_so(text: str, what: str) -> None:
    error = refused(text)
    assert isinstance(error, ConfigError)
    assert what in error.what
    assert "trust_remote_code" in error.fix or "'repo'" in error.fix
