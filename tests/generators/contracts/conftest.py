"""Every model that runs offline, once for each test of its kind's contract."""

from collections.abc import Iterator

import pytest

from alignbench.schemas.configuration.catalog import CatalogModel
from alignbench.schemas.vocabulary import ModelKind
from tests.generators.contracts.specimens import set_up, specimens


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for kind in (ModelKind.CAPTIONER, ModelKind.IMAGE_GENERATOR):
        if kind.value in metafunc.fixturenames:
            metafunc.parametrize(kind.value, sorted(specimens(kind)), indirect=True, scope="module")


@pytest.fixture(scope="module")
def captioner(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, CatalogModel]]:
    """A captioner's name here, and what the catalog says of it."""
    folder = tmp_path_factory.mktemp("captioner")
    for model in set_up(request.param, ModelKind.CAPTIONER, folder):
        yield request.param, model


@pytest.fixture(scope="module")
def image_generator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, CatalogModel]]:
    """An image generator's name here, and what the catalog says of it."""
    folder = tmp_path_factory.mktemp("image-generator")
    for model in set_up(request.param, ModelKind.IMAGE_GENERATOR, folder):
        yield request.param, model
