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


def test_a_thought_is_no_part_of_a_score(server: ModelServer) -> None:
    server.script = lambda _: said("<think>Perhaps 20.</think>\n\n**Score:** 85")
    assert made(server).score(requests(["A dog."])) == [SentenceScore(85.0)]
    server.script = lambda _: said("<think>Score: 85")
    (cut_off,) = made(server).score(requests(["A dog."]))
    assert isinstance(cut_off, ItemFailure)
    assert cut_off.code == ItemCode.ANSWER_TRUNCATED
    assert len(server.asked) == 2


def test_what_is_repeated_to_the_model_is_what_it_said(server: ModelServer) -> None:
    def script(asked: Asked) -> Reply:
        again = len(asked.body["messages"]) == 3
        return said("85" if again else "<think>Hm.</think>0.85<|im_end|>")

    server.script = script
    assert made(server).score(requests(["A dog."])) == [SentenceScore(85.0)]
    assert server.asked[1].body["messages"][1] == {"role": "assistant", "content": "0.85"}


def test_yes_is_weighed_behind_the_thought(server: ModelServer) -> None:
    def place(token: str, **top: float) -> dict[str, Any]:
        chances = [{"token": word, "logprob": value} for word, value in top.items()]
        return {"token": token, "logprob": -0.1, "top_logprobs": chances}

    reply = said("<think>No?</think>\n\nYes")
    reply.body["choices"][0]["logprobs"] = {
        "content": [
            place("<think>", Yes=-9.0), place("No", No=-0.01, Yes=-7.0), place("?"),
            place("</think>"), place("\n\n"), place("Yes", Yes=-0.1, No=-2.0),
        ]
    }  # fmt: skip
    server.script = lambda _: reply
    (score,) = made(server, answer="yes_no").score(requests(["A dog."]))
    assert isinstance(score, SentenceScore)
    assert score.score == pytest.approx(0.8699, abs=1e-4)


def test_a_damaged_image_costs_its_own_sentence_only(server: ModelServer) -> None:
    server.script = lambda _: said("50")
    from dataclasses import replace

    asked = requests(["A dog.", "A cat."])
    asked[1] = replace(asked[1], image=b"no image")
    good, bad = made(server).score(asked)
    assert good == SentenceScore(50.0)
    assert isinstance(bad, ItemFailure)
    assert bad.code == ItemCode.IMAGE_DAMAGED
