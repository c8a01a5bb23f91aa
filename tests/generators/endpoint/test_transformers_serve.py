"""The endpoint backend against a server of other makers that speaks the protocol."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from alignbench.generators.captioners.openai import OpenAICaptioner, OpenAICaptionerOptions
from alignbench.models.endpoint.chat import ChatParams
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionRequest, Generation, ItemFailure
from tests.generators.endpoint.model_server import image

pytest.importorskip("torch")
pytest.importorskip("openai", reason="transformers' server needs the package openai")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.fixtures.tiny_models import llava

    folder = tmp_path_factory.mktemp("tiny-llava")
    llava(folder)
    return folder


@pytest.fixture(scope="module")
def base_url(model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("transformers")
    log = model / "server.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [
                command,
                "serve",
                model,
                "--device",
                "cpu",
                "--host",
                "127.0.0.1",
                "--port",
                f"{port}",
            ],
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            stdout=output,
            stderr=output,
        ) as server,
    ):
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def _wait_until_up(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, timeout=1, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


def test_captions_come_from_transformers_own_server(model: Path, base_url: str) -> None:
    options = OpenAICaptionerOptions(base_url=base_url, max_concurrency=4, keep_truncated=True)
    captioner = OpenAICaptioner(str(model), None, options, ChatParams(max_tokens=8))
    requests = [CaptionRequest(image(number, (40, 40)), number) for number in range(8)]
    answers = dict(captioner.caption_stream(iter(requests), "Describe the picture."))
    assert sorted(answers) == list(range(8))
    for answer in answers.values():
        assert isinstance(answer, Generation), answer
        assert answer.completion_tokens is not None
        assert 0 < answer.completion_tokens <= 8
        assert answer.prompt_tokens is not None
        assert answer.prompt_tokens > 10


def test_an_answer_that_its_limit_of_tokens_cut_off_is_no_caption(
    model: Path, base_url: str
) -> None:
    options = OpenAICaptionerOptions(base_url=base_url)
    captioner = OpenAICaptioner(str(model), None, options, ChatParams(max_tokens=1))
    (answer,) = captioner.caption([image(1, (40, 40))], "Describe the picture.", [0])
    assert isinstance(answer, ItemFailure)
    assert answer.code in (ItemCode.ANSWER_TRUNCATED, ItemCode.ANSWER_EMPTY)
