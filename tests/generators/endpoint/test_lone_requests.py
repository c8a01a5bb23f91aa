"""One bad request fails alone, in whatever way the server shows that it will not have it."""

import threading
from collections.abc import Callable

import pytest

from alignbench.generators.captioners.openai import OpenAICaptioner
from alignbench.models.errors import EndpointDownError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionRequest, Generation, ItemFailure
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, image, refused, said

Make = Callable[..., OpenAICaptioner]

COUNT = 24
FIREWALL = b"<html><title>Attention Required!</title>The key to your account's safety</html>"
TOO_LARGE = (
    "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, "
    "Requested 36112. The input or output tokens must be reduced in order to run successfully."
)
BUSY = "Rate limit reached on tokens per min (TPM): Limit 30000, Used 29000, Requested 3611."


def made_of(captioner: OpenAICaptioner, count: int = COUNT) -> list[str]:
    answers = captioner.caption([image(n) for n in range(count)], None, list(range(count)))
    return [a.text if isinstance(a, Generation) else a.code for a in answers]


def script_with(bad: int, reply: Reply) -> Callable[[Asked], Reply]:
    return lambda asked: reply if asked.body["seed"] == bad else said("A bus.")


def lists_models(server: ModelServer) -> None:
    server.gets["/v1/models"] = b'{"data": []}'


@pytest.mark.parametrize("bad", [0, COUNT - 1])
@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(FIREWALL, 403), ItemCode.REQUEST_REFUSED),
        (refused(403, "Blocked by rule 941100"), ItemCode.REQUEST_REFUSED),
        (refused(429, TOO_LARGE, "rate_limit_exceeded"), ItemCode.REQUEST_REFUSED),
        (Reply({"error": {"message": TOO_LARGE, "code": 429}}), ItemCode.REQUEST_REFUSED),
        (Reply(b"<html>Gateway Time-out</html>", 504), ItemCode.SERVER_FAILED),
        (Reply(drop=True), ItemCode.SERVER_FAILED),
    ],
)
def test_it_fails_alone_wherever_it_stands(
    model_server: ModelServer,
    captioner: Make,
    reply: Reply,
    code: ItemCode,
    concurrency: int,
    bad: int,
) -> None:
    lists_models(model_server)
    model_server.script = script_with(bad, reply)
    found = made_of(captioner(attempts=3, patience_seconds=0.2, max_concurrency=concurrency))
    assert found.pop(bad) == code
    assert found == ["A bus."] * (COUNT - 1)


@pytest.mark.parametrize("reply", [refused(504), refused(429, BUSY)])
def test_a_server_without_a_list_of_models_is_cleared_by_all_that_it_served(
    model_server: ModelServer, captioner: Make, reply: Reply
) -> None:
    model_server.script = script_with(COUNT - 1, reply)
    found = made_of(captioner(patience_seconds=0.1, max_concurrency=4))
    assert found == ["A bus."] * (COUNT - 1) + [ItemCode.SERVER_FAILED]


def test_a_limit_that_others_use_up_is_waited_for(
    model_server: ModelServer, captioner: Make
) -> None:
    tries: list[int] = []

    def script(asked: Asked) -> Reply:
        tries.append(asked.body["seed"])
        return refused(429, BUSY) if tries.count(asked.body["seed"]) < 4 else said("A bus.")

    model_server.script = script
    assert made_of(captioner(attempts=1)) == ["A bus."] * COUNT


def test_a_server_that_only_lists_models_costs_a_few_items_and_stops_the_run(
    model_server: ModelServer, captioner: Make
) -> None:
    """Those that waited are to blame once; if the next fare no better, it is the server."""
    lists_models(model_server)
    model_server.script = lambda _: refused(503)
    requests = (CaptionRequest(image(n), n) for n in range(COUNT))
    stream = captioner(patience_seconds=0.1, max_concurrency=4).caption_stream(requests, None)
    found: list[tuple[int, Generation | ItemFailure]] = []
    with pytest.raises(EndpointDownError):
        found.extend(stream)
    assert all(isinstance(answer, ItemFailure) for _, answer in found)
    failed = [place for place, _ in found]
    assert failed
    assert set(failed) <= set(range(4))


def test_many_that_wait_are_not_to_blame(model_server: ModelServer, captioner: Make) -> None:
    lists_models(model_server)
    model_server.script = lambda _: refused(503)
    with pytest.raises(EndpointDownError):
        made_of(captioner(patience_seconds=0.1, start_concurrency=COUNT))


def test_a_busy_server_is_not_taken_for_bad_requests(
    model_server: ModelServer, captioner: Make
) -> None:
    lists_models(model_server)
    model_server.script = lambda _: refused(429, "Come back tomorrow")
    with pytest.raises(EndpointDownError):
        made_of(captioner(patience_seconds=0.1, max_concurrency=4))


def test_a_server_that_forbids_everything_in_mid_run_stops_it(
    model_server: ModelServer, captioner: Make
) -> None:
    """A firewall that has had enough of this machine: not one failure for each image left."""
    lock = threading.Lock()
    served = 0

    def script(_: Asked) -> Reply:
        nonlocal served
        with lock:
            served += 1
            return said("A bus.") if served <= 10 else Reply(FIREWALL, 403)

    model_server.script = script
    requests = (CaptionRequest(image(n), n) for n in range(200))
    found: list[object] = []
    made = captioner(patience_seconds=0.3, max_concurrency=4)
    with pytest.raises(EndpointDownError, match="403"):
        found.extend(answer for _, answer in made.caption_stream(requests, None))
    assert sum(isinstance(answer, Generation) for answer in found) == 10
    assert len(found) < 20
