"""Catalogs of models, brought by packages."""

from pathlib import Path

import pytest

from alignbench.schemas.configuration.catalog import catalog, catalog_model
from alignbench.schemas.errors import (
    AlignBenchError,
    ConfigError,
    MissingExtraError,
    UnknownNameError,
)
from alignbench.schemas.vocabulary import ModelKind
from tests.schemas.catalogs import only_catalogs, written_catalogs

MODEL = """
[[models]]
name = "seer-7b"
kind = "captioner"
backend = "precomputed"
repo = "org/seer-7b"
family = "seer"
license = "mit"
"""
PAINTER = MODEL.replace("seer", "painter").replace('"captioner"', '"image_generator"')


def refused(
    patch: pytest.MonkeyPatch, folder: Path, **catalogs: str | bytes | None
) -> AlignBenchError:
    with written_catalogs(patch, folder, catalogs), pytest.raises(AlignBenchError) as caught:
        catalog()
    assert caught.value.exit_code == 2
    return caught.value


def test_a_package_brings_models_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with written_catalogs(monkeypatch, tmp_path, {"first_cat": MODEL, "second_cat": PAINTER}):
        assert list(catalog()) == ["seer-7b", "painter-7b"]
        model = catalog_model("seer-7b", ModelKind.CAPTIONER)
    assert (model.backend, model.repo, model.revision) == ("precomputed", "org/seer-7b", None)
    assert not model.needs_remote_code


def test_without_a_catalog_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with written_catalogs(monkeypatch, Path(), {}):
        assert not catalog()


def test_one_name_in_two_packages_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(monkeypatch, tmp_path, first_cat=MODEL, second_cat=PAINTER + MODEL)
    assert isinstance(error, ConfigError)
    assert "'seer-7b'" in error.what
    assert "'first_cat' and 'second_cat'" in error.what


def test_one_name_twice_in_a_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(monkeypatch, tmp_path, cat=MODEL + MODEL)
    assert "stands twice in the catalog of 'cat'" in error.what


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        (MODEL + "licence = 'x'", "no key 'models.0.licence'", "Did you mean 'license'?"),
        (MODEL.replace("models", "model"), "no key 'model'", "Did you mean 'models'?"),
        (MODEL.replace('repo = "org/seer-7b"\n', ""), "models.0.repo is missing", "Add"),
        (MODEL.replace('"captioner"', '"poet"'), "models.0.kind is wrong", "Correct"),
        (MODEL.replace("seer-7b", "has space", 1), "models.0.name is wrong", "Correct"),
        (MODEL + "gpu_gb = 0", "models.0.gpu_gb is wrong", "Correct"),
        (MODEL + 'key_env = "sk-abc"', "models.0.key_env is wrong", "Correct"),
        (MODEL + "price_in = 1.0\nprice_date = 2026-01-01", "price_in and price_out", "Correct"),
        (MODEL + "price_image = 0.1", "a price and price_date stand together", "Correct"),
        (MODEL + "price_date = 2026-01-01", "a price and price_date", "Correct"),
        ("models = [", "is not TOML", "Correct"),
        (b"name = '\xff'", "is not TOML", "Correct"),
    ],
)
def test_a_wrong_catalog_is_named_with_the_place(
    text: str | bytes, what: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(monkeypatch, tmp_path, wrong_cat=text)
    assert isinstance(error, ConfigError)
    assert error.what.startswith("wrong_cat/catalog.toml")
    assert what in error.what
    assert error.fix.startswith(fix)
    assert "sk-abc" not in str(error)


def test_a_package_without_its_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(monkeypatch, tmp_path, empty_cat=None)
    assert isinstance(error, ConfigError)
    assert "there is no empty_cat/catalog.toml" in error.what


def test_a_module_has_no_room_for_a_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    with only_catalogs(monkeypatch, "alignbench.schemas.ids"), pytest.raises(ConfigError) as caught:
        catalog()
    assert "'alignbench.schemas.ids'" in caught.value.what


def test_a_package_that_needs_another_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with written_catalogs(monkeypatch, tmp_path, {"needy_cat": MODEL}):
        (tmp_path / "needy_cat" / "__init__.py").write_text("import no_such_package\n")
        with pytest.raises(MissingExtraError, match="'no_such_package'"):
            catalog()


def test_an_unknown_name_gives_the_nearest_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        written_catalogs(monkeypatch, tmp_path, {"cat": MODEL + PAINTER}),
        pytest.raises(UnknownNameError) as caught,
    ):
        catalog_model("seer7b", ModelKind.CAPTIONER)
    assert "no captioner 'seer7b'" in caught.value.what
    assert caught.value.fix.startswith("Did you mean 'seer-7b'?")


def test_a_model_of_another_kind_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        written_catalogs(monkeypatch, tmp_path, {"cat": PAINTER}),
        pytest.raises(UnknownNameError) as caught,
    ):
        catalog_model("painter-7b", ModelKind.CAPTIONER)
    assert "is no captioner but an image generator" in caught.value.what
