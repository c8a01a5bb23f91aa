"""The models that come with AlignBench."""

from collections.abc import Iterator

import pytest

from alignbench.schemas.configuration.catalog import GROUPS, CatalogModel, catalog
from alignbench.schemas.configuration.config import parse_config
from alignbench.schemas.registry import find, names
from alignbench.schemas.vocabulary import ModelKind
from tests.schemas.catalogs import BUILTIN, only_catalogs

PAPERS = {
    ModelKind.CAPTIONER: (
        "cogvlm", "gpt-4o", "sharegpt4v", "llama-4-scout", "llava-1.6-vicuna-7b", "qwen2-vl-7b",
        "gemini-3-pro", "gpt-5",
    ),
    ModelKind.IMAGE_GENERATOR: ("stable-diffusion-3.5-large", "gpt-image-1"),
}  # fmt: skip
SECTIONS = {
    ModelKind.CAPTIONER: "captioners",
    ModelKind.IMAGE_GENERATOR: "image_generators",
}


@pytest.fixture(autouse=True)
def _builtin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with only_catalogs(monkeypatch, *BUILTIN):
        yield


def of_installed_backends() -> list[CatalogModel]:
    return [model for model in catalog().values() if model.backend in names(GROUPS[model.kind])]


def test_every_model_of_the_papers_is_there() -> None:
    for kind, expected in PAPERS.items():
        assert set(expected) <= {m.name for m in catalog().values() if m.kind is kind}


def test_every_model_can_be_configured_by_its_name_alone() -> None:
    for model in of_installed_backends():
        if model.kind in SECTIONS:
            text = f'[[{SECTIONS[model.kind]}]]\nname = "{model.name}"\n'
            trusted = "trust_remote_code = true\n" if model.needs_remote_code else ""
            config = parse_config(text + trusted, "alignbench.toml")
            [entry] = (*config.captioners, *config.image_generators)
            assert (entry.repo, entry.family) == (model.repo, model.family)


def test_every_model_says_to_its_backend_what_that_understands() -> None:
    for model in of_installed_backends():
        plugin = find(GROUPS[model.kind], model.backend)
        plugin.options_type.model_validate(model.options)
        plugin.params_type.model_validate(model.params)


def test_a_model_that_is_asked_in_sentences_is_asked_the_same_as_the_others() -> None:
    asked = {m.instruction for m in catalog().values() if m.instruction and "." in m.instruction}
    [instruction] = asked
    assert instruction == instruction.strip()
    assert "  " not in instruction
    assert "\n" not in instruction


def test_a_key_that_is_needed_is_the_key_that_is_sent() -> None:
    for model in catalog().values():
        if model.key_env is not None:
            assert model.options.get("api_key_env", "OPENAI_API_KEY") == model.key_env


def test_no_key_of_a_provider_is_sent_to_a_server_of_the_operators_own() -> None:
    for model in catalog().values():
        if str(model.options.get("base_url", "")).startswith("http://127.0.0.1"):
            assert model.options["api_key_env"] != "OPENAI_API_KEY"


def test_a_priced_captioner_says_how_many_tokens_an_image_is() -> None:
    priced = [model for model in catalog().values() if model.price_in is not None]
    assert priced
    assert all(model.image_tokens and model.answer_tokens for model in priced)
