"""A model server that is asked for scores: what is sent, and what an answer counts for."""

from collections.abc import Iterator
from typing import Any

import pytest

from alignbench.evaluation.detectors.vlm_endpoint import (
    VlmEndpointDetector,
    VlmEndpointOptions,
    VlmEndpointParams,
)
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.images import requests
from tests.generators.endpoint.model_server import QUICK, Asked, ModelServer, Reply, running, said


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with running() as found:
        yield found


def made(server: ModelServer, **params: Any) -> VlmEndpointDetector:
    options = VlmEndpointOptions(**(QUICK | {"base_url": server.base_url}))
    return VlmEndpointDetector(
        "tiny", None, "True? {sentence}", options, VlmEndpointParams(**params)
    )


def test_image_and_sentence_are_sent_and_the_number_is_the_score(server: ModelServer) -> None:
    server.script = lambda asked: said("90" if "dog" in asked.text else "10")
    found = made(server, temperature=0).score(requests(["A dog.", "A cat.", "Two dogs."]))
    assert found == [SentenceScore(90.0), SentenceScore(10.0), SentenceScore(90.0)]
    assert {asked.text for asked in server.asked} == {
        "True? A dog.",
        "True? A cat.",
        "True? Two dogs.",
    }
    assert all(asked.image.startswith("data:image/png;base64,") for asked in server.asked)
    assert all(asked.body["temperature"] == 0 for asked in server.asked)
    assert all("answer" not in asked.body and "seed" not in asked.body for asked in server.asked)


def test_garbage_is_asked_about_once_more_then_fails(server: ModelServer) -> None:
    def script(asked: Asked) -> Reply:
        again = len(asked.body["messages"]) == 3
        return said("70" if again and "dog" in asked.text else "It looks fine to me")

    server.script = script
    good, bad = made(server).score(requests(["A dog.", "A cat."]))
    assert good == SentenceScore(70.0)
    assert isinstance(bad, ItemFailure)
    assert bad.code == ItemCode.ANSWER_NO_SCORE
    assert "It looks fine" in bad.message
    assert len(server.asked) == 4


def test_the_probability_of_yes_comes_from_log_probabilities(server: ModelServer) -> None:
    def script(asked: Asked) -> Reply:
        assert asked.body["logprobs"] is True
        reply = said("yes")
        top = [{"token": "Yes", "logprob": -0.1}, {"token": " no", "logprob": -2.0}]
        told = {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": top}]}
        if "cat" not in asked.text:
            reply.body["choices"][0]["logprobs"] = told
        return reply

    server.script = script
    good, bad = made(server, answer="yes_no").score(requests(["A dog.", "A cat."]))
    assert isinstance(good, SentenceScore)
    assert good.score == pytest.approx(0.8699, abs=1e-4)
    assert isinstance(bad, ItemFailure)
    assert "no log probabilities" in bad.message


def test_a_damaged_image_costs_its_own_sentence_only(server: ModelServer) -> None:
    server.script = lambda _: said("50")
    from dataclasses import replace

    asked = requests(["A dog.", "A cat."])
    asked[1] = replace(asked[1], image=b"no image")
    good, bad = made(server).score(asked)
    assert good == SentenceScore(50.0)
    assert isinstance(bad, ItemFailure)
    assert bad.code == ItemCode.IMAGE_DAMAGED
