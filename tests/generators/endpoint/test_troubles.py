"""What an operator meets: servers that are busy, broken, away or not theirs."""

import itertools
import random
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from alignbench.generators.captioners.openai import OpenAICaptioner
from alignbench.models.endpoint.pauses import asked_for, back_off
from alignbench.models.errors import EndpointDownError, EndpointRefusedError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionInput, CaptionRequest, Generation, ItemFailure
from tests.generators.endpoint.model_server import (
    Asked,
    ModelServer,
    Reply,
    image,
    refused,
    running,
    said,
)

Make = Callable[..., OpenAICaptioner]
IMAGES = [image(number) for number in range(40)]


def captions(captioner: OpenAICaptioner, images: list[CaptionInput] = IMAGES) -> list[str]:
    answers = captioner.caption(images, "Describe.", list(range(len(images))))
    return [a.text if isinstance(a, Generation) else a.code for a in answers]


def seed_of(asked: Asked) -> int:
    return int(asked.body["seed"])


def numbered(asked: Asked) -> Reply:
    return said(f"Caption {seed_of(asked)}.")


ALL = [f"Caption {number}." for number in range(len(IMAGES))]


def first_time(reply: Reply) -> Callable[[Asked], Reply]:
    """A script under which each request fails once."""
    seen: set[int] = set()
    lock = threading.Lock()

    def script(asked: Asked) -> Reply:
        with lock:
            again = seed_of(asked) in seen
            seen.add(seed_of(asked))
        return numbered(asked) if again else reply

    return script


def test_a_server_that_is_busy_half_the_time_makes_every_caption_once(
    model_server: ModelServer, captioner: Make
) -> None:
    chance = random.Random(1)
    served: list[int] = []

    def script(asked: Asked) -> Reply:
        with model_server.lock:
            if chance.random() < 0.5:
                return refused(429, "Too many requests", Retry_After="0")
            served.append(seed_of(asked))
        return numbered(asked)

    model_server.script = script
    assert captions(captioner(attempts=1)) == ALL
    assert sorted(served) == list(range(len(IMAGES)))


@pytest.mark.parametrize(
    "reply",
    [
        refused(500),
        refused(502),
        refused(503, Retry_After="0"),
        refused(529),
        refused(408),
        Reply(drop=True),
        Reply(b"{not JSON"),
        Reply(b"\xff\xfe"),
        Reply({"choices": []}),
        Reply({"error": "but status 200"}),
        Reply([1]),
    ],
)
def test_what_fails_once_is_tried_again(
    model_server: ModelServer, captioner: Make, reply: Reply
) -> None:
    model_server.script = first_time(reply)
    assert captions(captioner()) == ALL
    assert len(model_server.asked) == 2 * len(IMAGES)


def test_an_attempt_that_takes_too_long_is_given_up_and_tried_again(
    model_server: ModelServer, captioner: Make
) -> None:
    model_server.script = first_time(Reply(hang=True))
    assert captions(captioner(timeout_seconds=0.2), IMAGES[:4]) == ALL[:4]


@pytest.mark.parametrize(
    ("reply", "attempts", "code"),
    [
        (refused(400, "image too small"), 1, ItemCode.REQUEST_REFUSED),
        (refused(413), 1, ItemCode.REQUEST_REFUSED),
        (refused(422), 1, ItemCode.REQUEST_REFUSED),
        (refused(400, "x", "content_filter"), 1, ItemCode.ANSWER_REFUSED),
        (refused(500), 4, ItemCode.SERVER_FAILED),
        (Reply(b"<html>"), 3, ItemCode.ANSWER_MALFORMED),
        (Reply(hang=True), 3, ItemCode.SERVER_TIMED_OUT),
    ],
)
def test_a_bad_request_fails_alone(
    model_server: ModelServer, captioner: Make, reply: Reply, attempts: int, code: ItemCode
) -> None:
    model_server.script = lambda asked: reply if seed_of(asked) == 3 else numbered(asked)
    found = captions(captioner(attempts=4, timeout_seconds=0.5))
    assert found == [*ALL[:3], code, *ALL[4:]]
    assert model_server.times(seed_of)[3] == attempts


@pytest.mark.parametrize("reply", [refused(503), Reply(drop=True)])
def test_a_request_that_only_it_brings_the_server_down_fails_alone(
    model_server: ModelServer, captioner: Make, reply: Reply
) -> None:
    """Its fault, because the server serves others meanwhile: as long as there are others."""
    tried = itertools.count()

    def script(asked: Asked) -> Reply:
        if seed_of(asked) != 0:
            return numbered(asked)
        next(tried)
        answered = len(model_server.asked)
        while len(model_server.asked) < min(answered + 3, 200):
            time.sleep(0.001)
        return reply

    model_server.script = script
    images = [image(number) for number in range(400)]
    found = captions(captioner(attempts=2, max_concurrency=4), images)
    assert found[0] == ItemCode.SERVER_FAILED
    assert found[1:] == [f"Caption {number}." for number in range(1, 400)]


def test_the_servers_own_words_are_in_the_failure(
    model_server: ModelServer, captioner: Make
) -> None:
    model_server.script = lambda _: refused(400, "  image\n must be   larger " + "x" * 5000)
    (failure,) = captioner().caption(IMAGES[:1], None, [0])
    assert isinstance(failure, ItemFailure)
    assert "HTTP status 400: image must be larger xxx" in failure.message
    assert len(failure.message) < 500


def test_a_server_that_is_away_for_a_while_is_waited_for(captioner: Make) -> None:
    with running(script=lambda _: Reply(drop=True)) as first:
        port = first.server_port
        made = captioner(base_url=first.base_url, attempts=1)
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.extend(captions(made)))
        thread.start()
        while len(first.asked) < 3:
            time.sleep(0.001)
    with running(port, numbered):
        thread.join()
        assert found == ALL


@pytest.mark.parametrize("reply", [refused(503, "loading"), refused(429, "busy"), Reply(drop=True)])
def test_a_server_that_is_no_use_for_longer_than_the_patience_stops_the_run(
    model_server: ModelServer, captioner: Make, reply: Reply
) -> None:
    model_server.script = lambda _: reply
    with pytest.raises(EndpointDownError, match=r"no useful answer for 0\.1 seconds") as error:
        captions(captioner(patience_seconds=0.1))
    assert model_server.base_url in str(error.value)
    assert "run the same command again" in error.value.fix


def test_a_server_that_is_not_there_stops_the_run(captioner: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(EndpointDownError, match="could not be reached"):
            captions(captioner(base_url=url, patience_seconds=0.1))


def test_what_was_answered_before_the_end_is_given_out(
    model_server: ModelServer, captioner: Make
) -> None:
    model_server.script = lambda asked: numbered(asked) if seed_of(asked) < 10 else refused(503)
    made = captioner(patience_seconds=0.1, max_concurrency=1)
    stream = made.caption_stream((CaptionRequest(i, n) for n, i in enumerate(IMAGES)), None)
    got: list[int] = []
    with pytest.raises(EndpointDownError):
        got.extend(place for place, _ in stream)
    assert got == list(range(10))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refused(401, "Incorrect API key: sk-sec***ret"), "does not accept the key in MY_KEY"),
        (refused(403, "no such permission"), "forbids the key in MY_KEY.*no such permission"),
        (refused(403, "not yours", "unsupported_country_region_territory"), "forbids the key"),
        (Reply(b"This model is not for you.", 403), "forbids the key in MY_KEY.*not for you"),
        (refused(402, "pay"), "out of credit"),
        (refused(429, "quota", "insufficient_quota"), "out of credit"),
        (refused(404, "no such model"), "no model 'tiny'.*no such model"),
        (refused(400, "gone", "model_not_found"), "no model 'tiny'"),
        (refused(405), "no model 'tiny'"),
        (refused(307, Location="http://127.0.0.1:9/"), "only redirects"),
    ],
)
def test_what_would_be_the_same_for_every_request_stops_the_run_at_once(
    model_server: ModelServer,
    captioner: Make,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply,
    words: str,
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    model_server.script = lambda _: reply
    with pytest.raises(EndpointRefusedError, match=words) as error:
        captions(captioner(api_key_env="MY_KEY", max_concurrency=1))
    assert len(model_server.asked) == 1
    assert "sk-sec" not in str(error.value)


def test_retry_after_is_waited_for(model_server: ModelServer, captioner: Make) -> None:
    began: dict[int, float] = {}
    waited: list[float] = []

    def script(asked: Asked) -> Reply:
        now = time.monotonic()
        if seed_of(asked) in began:
            waited.append(now - began[seed_of(asked)])
            return numbered(asked)
        began[seed_of(asked)] = now
        return refused(429, Retry_After="0.3")

    model_server.script = script
    assert captions(captioner(), IMAGES[:5]) == ALL[:5]
    assert min(waited) >= 0.3


def test_a_wish_beyond_all_patience_is_not_waited_for(
    model_server: ModelServer, captioner: Make
) -> None:
    model_server.script = lambda _: refused(429, Retry_After="86400")
    with pytest.raises(EndpointDownError):
        captions(captioner(patience_seconds=0.2))


def test_retry_after_may_be_seconds_or_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    assert 97 < asked_for(format_datetime(later, usegmt=True)) <= 100
    assert asked_for(format_datetime(later - timedelta(days=1), usegmt=True)) == 0
    noon = "Wed, 21 Oct 2015 12:00:00 GMT"
    assert asked_for("Wed, 21 Oct 2015 12:00:30 GMT", noon) == 30  # however wrong our own clock is
    assert asked_for("Wed, 21 Oct 2015 12:00:30 GMT", "soon") == 0
    assert asked_for(" 120 ") == 120
    assert asked_for("0.5") == 0.5
    for nothing in (None, "", "soon", "-5", "1e9", "٣", "Wed, 99 Oct 2015 07:28:00 GMT"):
        assert asked_for(nothing) == 0


def test_pauses_grow_to_their_bound_and_differ() -> None:
    for failures, bound in [(1, 1.0), (2, 2.0), (3, 4.0), (10, 60.0), (10_000, 60.0)]:
        pauses = {back_off(failures, 1.0, 60.0) for _ in range(200)}
        assert len(pauses) > 100
        assert bound * 0.8 < max(pauses) <= bound


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%c"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_date_is_read_in_each_form_of_the_standard_wherever_this_machine_is(
    form: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    until = datetime.now(UTC) + timedelta(seconds=100)
    seconds = asked_for(until.strftime(form))
    monkeypatch.undo()
    time.tzset()
    assert 98 <= seconds <= 100
