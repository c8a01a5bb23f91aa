"""Licence, citation and language of a release: in files of their own, on the card, in Croissant."""

import datetime
import json
from pathlib import Path

import mlcroissant
import pytest
import yaml

from alignbench.release.verify.verify import verify
from tests.release.benchmark import CONFIG
from tests.release.test_build import build

AUTHORS = ("Ada {Lovelace}", "The: Lab")


@pytest.fixture
def own_terms(workspace, rows) -> Path:
    """A release under a licence of its own."""
    config = CONFIG.model_copy(
        update={
            "license": "other",
            "license_name": "lab-licence-1.0",
            "license_link": "https://example.org/licence",
            "language": ("en", "ja"),
            "authors": AUTHORS,
            "url": "https://example.org/small",
            "date": datetime.date(2026, 5, 4),
        }
    )
    return build(workspace, rows, config)


def front_matter(folder: Path) -> dict[str, object]:
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    assert isinstance(card, dict)
    return card


def test_a_known_licence_is_named_and_linked(released: Path):
    text = (released / "LICENSE").read_text()
    assert "CC-BY-4.0" in text
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in text
    citation = yaml.safe_load((released / "CITATION.cff").read_text())
    assert citation["license"] == "CC-BY-4.0"
    assert front_matter(released)["license"] == "cc-by-4.0"
    assert front_matter(released)["language"] == ["en"]


def test_another_licence_has_its_name_and_link(own_terms: Path):
    card = front_matter(own_terms)
    assert [card[key] for key in ("license", "license_name", "license_link", "language")] == [
        "other", "lab-licence-1.0", "https://example.org/licence", ["en", "ja"],
    ]  # fmt: skip
    text = (own_terms / "LICENSE").read_text()
    assert "lab-licence-1.0" in text
    assert "https://example.org/licence" in text
    assert verify(own_terms).ok


def test_the_citation_has_what_its_format_asks_for(own_terms: Path):
    citation = yaml.safe_load((own_terms / "CITATION.cff").read_text())
    assert citation == {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it as below.",
        "type": "dataset",
        "title": "A small benchmark",
        "version": "1.0.0",
        "date-released": "2026-05-04",
        "authors": [{"name": name} for name in AUTHORS],
        "license-url": "https://example.org/licence",
        "url": "https://example.org/small",
    }
    cited = json.loads((own_terms / "croissant.json").read_text())["citeAs"]
    assert cited.startswith("@misc{small_1_0_0,")
    assert "author = {{Ada Lovelace} and {The: Lab}}" in cited
    assert "year = {2026}" in cited
    assert cited in (own_terms / "README.md").read_text()


def test_croissant_with_citation_and_language_is_valid(own_terms: Path):
    dataset = mlcroissant.Dataset(jsonld=own_terms / "croissant.json")
    assert dataset.metadata.ctx.issues.errors == set()
    assert dataset.metadata.cite_as
    assert dataset.metadata.in_language == ["en", "ja"]


def test_a_citation_of_ones_own_is_taken_as_it_is(workspace, rows):
    folder = build(workspace, rows, CONFIG.model_copy(update={"cite_as": "Lovelace (2026)"}))
    assert json.loads((folder / "croissant.json").read_text())["citeAs"] == "Lovelace (2026)"


def test_no_stated_licence_is_said_so(workspace, rows):
    folder = build(workspace, rows, CONFIG.model_copy(update={"license": "other"}))
    assert "No licence is stated" in (folder / "LICENSE").read_text()
    card = front_matter(folder)
    assert (card["license_name"], card["license_link"]) == ("unspecified", "LICENSE")
    assert verify(folder).ok
