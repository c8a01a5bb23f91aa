import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from alignbench.generators.captioners.openai import OpenAICaptioner
from alignbench.models.endpoint.concurrency import AdaptiveLimit
from alignbench.models.errors import EndpointDownError, EndpointRefusedError
from alignbench.schemas.protocols import CaptionRequest, Generation
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, image, refused, said

Make = Callable[..., OpenAICaptioner]


def requests(count: int) -> Iterator[CaptionRequest]:
    for number in range(count):
        yield CaptionRequest(image(number), number)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "endpoint"]


def test_a_stream_gives_every_place_once(model_server: ModelServer, captioner: Make) -> None:
    model_server.script = lambda asked: said(f"{asked.body['seed']}")
    answers = dict(captioner().caption_stream(requests(200), "Describe."))
    assert sorted(answers) == list(range(200))
    for place, answer in answers.items():
        assert isinstance(answer, Generation)
        assert answer.text == str(place)
    assert threads() == []


def test_one_slow_answer_does_not_hold_up_the_others(
    model_server: ModelServer, captioner: Make
) -> None:
    others_done = threading.Event()

    def script(asked: Asked) -> Reply:
        if asked.body["seed"] == 0:
            assert others_done.wait(20)
        return said("A caption.")

    model_server.script = script
    order: list[int] = []
    for place, _ in captioner(timeout_seconds=30).caption_stream(requests(60), None):
        order.append(place)
        if len(order) == 59:
            others_done.set()
    assert order[-1] == 0


def test_requests_are_read_only_a_little_ahead(model_server: ModelServer, captioner: Make) -> None:
    read = itertools.count()

    def counted() -> Iterator[CaptionRequest]:
        for request in requests(500):
            next(read)
            yield request

    stream = captioner(max_concurrency=4).caption_stream(counted(), None)
    ahead: list[int] = []
    for taken, _ in enumerate(stream, 1):
        if taken % 50 == 0:
            ahead.append(int(repr(read)[6:-1]) - taken)
    # in flight, waiting to be taken, read ahead, and one on each side of a border
    assert max(ahead) <= 4 + 4 + 4 + 3


def test_a_slow_reader_of_requests_does_not_hold_up_answers(
    model_server: ModelServer, captioner: Make
) -> None:
    answered = threading.Event()

    def slow() -> Iterator[CaptionRequest]:
        yield from requests(3)
        assert answered.wait(20)
        yield CaptionRequest(image(9), 9)

    places = []
    for place, _ in captioner().caption_stream(slow(), None):
        places.append(place)
        if len(places) == 3:
            answered.set()
    assert sorted(places) == [0, 1, 2, 3]


def test_a_stream_that_is_closed_early_cancels_what_is_in_flight(
    model_server: ModelServer, captioner: Make
) -> None:
    closed = False

    def watched() -> Iterator[CaptionRequest]:
        nonlocal closed
        try:
            yield from requests(10_000)
        finally:
            closed = True

    model_server.script = lambda asked: Reply(hang=True) if asked.body["seed"] > 3 else said("Yes.")
    source = watched()
    stream = captioner(timeout_seconds=60).caption_stream(source, None)
    next(stream)
    began = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 5
    assert threads() == []
    source.close()  # type: ignore[attr-defined] # nobody reads it any more
    assert closed


def test_a_stream_that_is_not_begun_asks_nothing(
    model_server: ModelServer, captioner: Make
) -> None:
    captioner().caption_stream(requests(5), None)
    assert list(captioner().caption_stream(iter(()), None)) == []
    assert model_server.asked == []


def test_what_reading_the_requests_raises_comes_through(
    model_server: ModelServer, captioner: Make
) -> None:
    def broken() -> Iterator[CaptionRequest]:
        yield from requests(5)
        raise ConnectionError("the store is away")

    with pytest.raises(ConnectionError, match="the store is away"):
        list(captioner().caption_stream(broken(), None))
    assert threads() == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refused(429, "You exceeded your quota", "insufficient_quota"), EndpointRefusedError),
        (refused(401), EndpointRefusedError),
        (refused(503), EndpointDownError),
    ],
)
def test_what_is_under_way_when_the_server_gives_up_is_paid_for_and_kept(
    model_server: ModelServer, captioner: Make, reply: Reply, error: type[Exception]
) -> None:
    gave_up = threading.Event()
    busy = 0

    def script(asked: Asked) -> Reply:
        nonlocal busy
        seed = asked.body["seed"]
        if seed == 7:
            gave_up.set()
            return reply
        if seed == 6:  # waits long to be tried again, and is not
            busy += 1
            return refused(429, "busy", Retry_After="30")
        assert gave_up.wait(20)
        model_server.stopping.wait(0.3)
        return said("A caption.")

    model_server.script = script
    made = captioner(start_concurrency=8, max_concurrency=8, patience_seconds=0.1)
    kept: list[int] = []
    began = time.monotonic()
    with pytest.raises(error):
        kept.extend(place for place, _ in made.caption_stream(requests(100), None))
    assert time.monotonic() - began < 10
    assert sorted(kept) == list(range(6))
    assert {asked.body["seed"] for asked in model_server.asked} == set(range(8))
    assert busy <= 2


def test_what_is_under_way_when_the_requests_cannot_be_read_on_is_kept(
    model_server: ModelServer, captioner: Make
) -> None:
    broken = threading.Event()

    def cut_off() -> Iterator[CaptionRequest]:
        yield from requests(4)
        broken.set()
        raise ConnectionError("the store is away")

    def script(_: Asked) -> Reply:
        assert broken.wait(20)
        model_server.stopping.wait(0.1)
        return said("A caption.")

    model_server.script = script
    kept: list[int] = []
    with pytest.raises(ConnectionError, match="the store is away"):
        kept.extend(place for place, _ in captioner().caption_stream(cut_off(), None))
    assert sorted(kept) == list(range(4))


def test_concurrency_goes_up_while_all_is_well_and_stays_within_bounds(
    model_server: ModelServer, captioner: Make
) -> None:
    made = captioner(start_concurrency=2, max_concurrency=12, timeout_seconds=30)

    def script(_: Asked) -> Reply:
        """Answers once as many are there as may be, or no more come."""
        begun = time.monotonic()
        while model_server.in_flight < made._endpoint.limit.value:
            time.sleep(0.001)
            if time.monotonic() - begun > 0.3:
                break
        return said("A caption.")

    model_server.script = script
    assert len(dict(made.caption_stream(requests(120), None))) == 120
    assert model_server.peak == 12


def test_concurrency_goes_down_when_the_server_objects(
    model_server: ModelServer, captioner: Make
) -> None:
    """A server that takes three at once, and works for a moment on each."""

    def script(_: Asked) -> Reply:
        if model_server.in_flight > 3:
            return refused(429)
        model_server.stopping.wait(0.01)
        return said("A caption.")

    model_server.script = script
    made = captioner(start_concurrency=16, max_concurrency=16, min_concurrency=2)
    answers = dict(made.caption_stream(requests(300), None))
    assert all(isinstance(answer, Generation) for answer in answers.values())
    assert made._endpoint.limit.value < 8


def test_the_limit_doubles_each_round_until_the_first_objection() -> None:
    limit = AdaptiveLimit(1, 2, 64)
    for expected in (4, 8, 16, 32, 64, 64):
        for _ in range(limit.value):
            limit.grow()
        assert limit.value == expected


def test_one_round_of_objections_lowers_the_limit_once() -> None:
    limit = AdaptiveLimit(2, 16, 64)
    sent_at = time.monotonic()
    for _ in range(16):
        limit.shrink(sent_at)
    assert limit.value == 11
    for expected in (7, 5, 3, 2, 2):
        limit.shrink(time.monotonic())
        assert limit.value == expected


def test_after_an_objection_the_limit_grows_by_one_a_round() -> None:
    limit = AdaptiveLimit(1, 20, 64)
    limit.shrink(time.monotonic())
    for expected in (15, 16, 17):
        for _ in range(limit.value + 1):
            limit.grow()
        assert limit.value == expected


def test_the_limit_starts_within_its_bounds() -> None:
    assert AdaptiveLimit(1, 8, 4).value == 4
    assert AdaptiveLimit(16, 8, 64).value == 16
