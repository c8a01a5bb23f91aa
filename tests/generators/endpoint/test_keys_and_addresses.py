from collections.abc import Callable

import pytest
from pydantic import ValidationError

from alignbench.generators.captioners.openai import OpenAICaptioner, OpenAICaptionerOptions
from alignbench.models.endpoint.chat import ChatParams
from alignbench.models.errors import EndpointDownError
from alignbench.schemas.errors import ConfigError, MissingSecretError
from alignbench.schemas.protocols import ItemFailure
from tests.generators.endpoint.model_server import ModelServer, Reply, image, refused

Make = Callable[..., OpenAICaptioner]
KEY = "sk-proj-very-secret"


def made(**options: str) -> OpenAICaptioner:
    return OpenAICaptioner("tiny", None, OpenAICaptionerOptions(**options), ChatParams())  # type: ignore[arg-type]


def test_the_key_of_the_environment_is_sent(
    model_server: ModelServer, captioner: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner().caption([image(1)], None, [0])
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    captioner().caption([image(1)], None, [0])
    monkeypatch.setenv("ANOTHER", "another-key")
    captioner(api_key_env="ANOTHER").caption([image(1)], None, [0])
    sent = [asked.headers.get("Authorization") for asked in model_server.asked]
    assert sent == [None, f"Bearer {KEY}", "Bearer another-key"]


@pytest.mark.parametrize(
    "reply",
    [
        refused(400, f"bad header Authorization: Bearer {KEY}"),
        refused(500, f"key={KEY}"),
        Reply(f"no JSON but {KEY}".encode(), 400),
        Reply({"choices": [{"message": {"content": [KEY]}}]}),
    ],
)
def test_the_key_is_in_no_message(
    model_server: ModelServer, captioner: Make, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model_server.script = lambda _: reply
    one = captioner(attempts=1)
    (failure,) = one.caption([image(1)], None, [0])
    assert isinstance(failure, ItemFailure)
    assert KEY not in failure.message
    assert KEY not in repr(vars(one))
    assert KEY not in repr(vars(one._endpoint.recipient.key))


def test_the_key_is_not_in_the_error_that_stops_a_run(
    model_server: ModelServer, captioner: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model_server.script = lambda _: refused(503, f"{KEY} is not welcome, nor sk-other-key")
    with pytest.raises(EndpointDownError) as error:
        captioner(patience_seconds=0.05).caption([image(1)], None, [0])
    assert "[key] is not welcome, nor [key]" in str(error.value)


def test_a_public_server_needs_a_key() -> None:
    with pytest.raises(MissingSecretError, match="OPENAI_API_KEY is not set"):
        made()
    with pytest.raises(MissingSecretError, match="GEMINI_KEY is not set"):
        made(base_url="https://models.example.org/v1", api_key_env="GEMINI_KEY")


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:8000", "[::1]:8000", "10.1.2.3", "gpu-box", "gpu.lan", "vllm.local"],
)
def test_a_server_of_ones_own_does_not(host: str) -> None:
    made(base_url=f"http://{host}/v1")


def test_a_key_does_not_travel_unencrypted_over_the_internet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match="unencrypted") as error:
        made(base_url="http://models.example.org/v1")
    assert KEY not in str(error.value)
    made(base_url="https://models.example.org/v1")
    made(base_url="http://gpu-box:8000/v1")


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "pässword"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(MissingSecretError, match="is not a key") as error:
        made()
    assert value not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "models.example.org/v1",
        "ftp://models.example.org",
        "https://user:password@models.example.org/v1",
        "https://models.example.org/v1?key=secret",
        "https://models.example.org/v1#secret",
        "https://",
        "https://models.example.org:port/v1",
        "",
    ],
)
def test_an_address_is_plain_http_without_secrets(url: str) -> None:
    with pytest.raises(ValidationError) as error:
        OpenAICaptionerOptions(base_url=url)
    assert "it is not an HTTP address" in error.value.errors()[0]["msg"]


def test_bounds_of_concurrency_must_be_in_order() -> None:
    with pytest.raises(ValidationError, match="min_concurrency is above"):
        OpenAICaptionerOptions(min_concurrency=5, max_concurrency=4)
