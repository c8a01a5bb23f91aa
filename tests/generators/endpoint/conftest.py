"""A scripted model server and a captioner that asks it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from alignbench.generators.captioners.openai import OpenAICaptioner, OpenAICaptionerOptions
from alignbench.models.endpoint.chat import ChatParams
from tests.generators.endpoint.model_server import QUICK, ModelServer, running


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with running() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def captioner(model_server: ModelServer) -> Callable[..., OpenAICaptioner]:
    def made(params: dict[str, Any] | None = None, **options: Any) -> OpenAICaptioner:
        values: dict[str, Any] = QUICK | {"base_url": model_server.base_url} | options
        return OpenAICaptioner(
            "tiny", None, OpenAICaptionerOptions(**values), ChatParams(**(params or {}))
        )

    return made
