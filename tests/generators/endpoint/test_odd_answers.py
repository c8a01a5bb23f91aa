"""What real servers answer under status 200 beside captions: thoughts, tokens, stops and errors."""

import gzip
import json
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from alignbench.generators.captioners.openai import OpenAICaptioner
from alignbench.models.endpoint.chat import ChatParams
from alignbench.models.errors import EndpointRefusedError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import Generation, ItemFailure
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, image, said

Make = Callable[..., OpenAICaptioner]

BUS = "A red bus stands at a stop. Two people wait."
THOUGHT = "Let me think about the picture."
TEXT_PART = {"type": "text", "text": BUS}


def answer_to(
    server: ModelServer, captioner: OpenAICaptioner, reply: Reply
) -> Generation | ItemFailure:
    server.script = lambda _: reply
    (answer,) = captioner.caption([image(1)], "Describe.", [0])
    return answer


def choice(**values: Any) -> Reply:
    return Reply({"object": "chat.completion", "model": "m", "choices": [{"index": 0} | values]})


@pytest.mark.parametrize(
    "reply",
    [
        said(f"<think>\n{THOUGHT}\n</think>\n\n{BUS}"),
        said(f"{THOUGHT}\n</think>\n\n{BUS}"),
        said([{"type": "reasoning", "text": THOUGHT}, TEXT_PART]),  # type: ignore[arg-type]
        said([{"type": "reasoning", "summary": [{"text": THOUGHT}]}, TEXT_PART]),  # type: ignore[arg-type]
        said([{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}, TEXT_PART]),  # type: ignore[arg-type]
        said([{"type": "thinking", "thinking": THOUGHT}, TEXT_PART]),  # type: ignore[arg-type]
        said(BUS, reasoning_content=THOUGHT),
        said(BUS, reasoning=THOUGHT),
        said(BUS, reasoning=THOUGHT, reasoning_content=THOUGHT),
        said(f"<|begin_of_box|>{BUS}<|end_of_box|>", reasoning_content=THOUGHT),
    ],
)
def test_thoughts_are_lineage_however_a_server_gives_them(
    model_server: ModelServer, captioner: Make, reply: Reply
) -> None:
    answer = answer_to(model_server, captioner(), reply)
    assert isinstance(answer, Generation), answer
    assert answer.text == BUS
    assert answer.engine["thought"] == THOUGHT
    assert answer.engine["thought_characters"] == len(THOUGHT)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (said(f"<think>{THOUGHT} So I"), ItemCode.ANSWER_TRUNCATED, "within the model's thought"),
        (said(None, reasoning_content=THOUGHT), ItemCode.ANSWER_TRUNCATED, "after 7 tokens"),
        (said(BUS[:-4], "MAX_TOKENS"), ItemCode.ANSWER_TRUNCATED, "cut off after 7 tokens"),
        (said(BUS[:-4], "max_tokens"), ItemCode.ANSWER_TRUNCATED, "cut off"),
        (said("A red bus", "SAFETY"), ItemCode.ANSWER_FILTERED, "SAFETY"),
        (choice(finish_reason="content_filter: SAFETY"), ItemCode.ANSWER_FILTERED, "SAFETY"),
        (said("A red bus", 0), ItemCode.ANSWER_UNFINISHED, "'0'"),  # type: ignore[arg-type]
        (said("A red bus", "repetition"), ItemCode.ANSWER_UNFINISHED, "repetition"),
        (said("A red bus", "tool_calls"), ItemCode.ANSWER_UNFINISHED, "tool_calls"),
        (said(f"A bus.<|eot_id|>{BUS}"), ItemCode.CONTROL_TOKEN, "<|eot_id|>"),
        (said('["A bus."]'), ItemCode.ANSWER_NOT_PROSE, "JSON"),
        (said("A bus. " * 3_000), ItemCode.ANSWER_TOO_LONG, "21,000 characters"),
        (said("A bus. " * 3_000_000), ItemCode.ANSWER_TOO_LONG, "16,777,216 bytes"),
        (
            said([{"type": "refusal", "refusal": "I can't."}]),  # type: ignore[arg-type]
            ItemCode.ANSWER_REFUSED,
            "I can't.",
        ),
    ],
)
def test_what_is_no_whole_caption_fails_at_once_and_says_why(
    model_server: ModelServer, captioner: Make, reply: Reply, code: ItemCode, words: str
) -> None:
    answer = answer_to(model_server, captioner(), reply)
    assert isinstance(answer, ItemFailure), answer
    assert answer.code == code
    assert words in answer.message
    assert len(model_server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (said("A red bus", "abort"), ItemCode.ANSWER_UNFINISHED, "broke the answer off"),
        (said("A red bus", "error"), ItemCode.ANSWER_UNFINISHED, "error"),
        (
            choice(
                finish_reason="error",
                error={"code": 500, "message": "upstream fell over"},
                message={"role": "assistant", "content": "A red bus", "refusal": None},
            ),
            ItemCode.SERVER_FAILED,
            "code 500: upstream fell over",
        ),
        (Reply({"error": {"message": "no luck", "code": 500}}), ItemCode.SERVER_FAILED, "no luck"),
        (Reply({"error": "out of order"}), ItemCode.SERVER_FAILED, "out of order"),
        (Reply({"detail": "out of order"}), ItemCode.SERVER_FAILED, "out of order"),
        (Reply({"object": "error", "message": "out of order"}), ItemCode.SERVER_FAILED, "out of"),
        (Reply([{"error": {"message": "out of order"}}]), ItemCode.ANSWER_MALFORMED, "body"),
        (Reply({"choices": [], "usage": {}}), ItemCode.ANSWER_MALFORMED, "neither an answer"),
        (Reply({"choices": None}), ItemCode.ANSWER_MALFORMED, "neither an answer"),
    ],
)  # fmt: skip
def test_a_server_that_gives_up_is_asked_again_and_quoted_in_the_end(
    model_server: ModelServer, captioner: Make, reply: Reply, code: ItemCode, words: str
) -> None:
    answer = answer_to(model_server, captioner(attempts=3), reply)
    assert isinstance(answer, ItemFailure), answer
    assert answer.code == code
    assert words in answer.message
    assert len(model_server.asked) == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": "no such parameter", "code": 400}}, ItemCode.REQUEST_REFUSED),
        ({"error": {"message": "x", "type": "invalid_request_error"}}, ItemCode.REQUEST_REFUSED),
        ({"error": {"message": "x", "code": "content_filter"}}, ItemCode.ANSWER_REFUSED),
        ({"error": {"message": "Your input was flagged", "code": 403}}, ItemCode.ANSWER_REFUSED),
        ({"choices": None, "promptFeedback": {"blockReason": "SAFETY"}}, ItemCode.ANSWER_REFUSED),
    ],
)
def test_an_error_about_the_request_is_its_own_whatever_the_status(
    model_server: ModelServer, captioner: Make, body: object, code: ItemCode
) -> None:
    answer = answer_to(model_server, captioner(), Reply(body))
    assert isinstance(answer, ItemFailure), answer
    assert answer.code == code
    assert "HTTP status 200" in answer.message
    assert len(model_server.asked) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Provider returned error: rate limit", "code": 429},
        {"message": "slow down", "code": "429"},
        {"message": "slow down", "code": "rate_limit_exceeded"},
        {"message": "slow down", "status": "RESOURCE_EXHAUSTED"},
        "Too many requests",
    ],
)
def test_a_busy_server_is_waited_for_and_asked_less_whatever_the_status(
    model_server: ModelServer, captioner: Make, error: object
) -> None:
    served: set[int] = set()
    refusals: dict[int, int] = {}
    lock = threading.Lock()

    def script(asked: Asked) -> Reply:
        seed = int(asked.body["seed"])
        with lock:
            refusals[seed] = refusals.get(seed, 0) + 1
            if refusals[seed] <= 8:  # more often than a request may fail
                return Reply({"error": error, "user_id": "u"})
            served.add(seed)
        return said(BUS)

    model_server.script = script
    one = captioner(start_concurrency=8, attempts=2)
    answers = one.caption([image(number) for number in range(8)], None, list(range(8)))
    assert all(isinstance(answer, Generation) for answer in answers)
    assert one._endpoint.limit.value < 8


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "bad key", "code": 401}, "does not accept the key"),
        ({"message": "pay first", "code": 402}, "out of credit"),
        ({"message": "You exceeded your quota", "code": "insufficient_quota"}, "out of credit"),
        ({"message": "no such model", "code": "model_not_found"}, "has no model"),
    ],
)
def test_an_error_that_all_requests_would_get_stops_the_run(
    model_server: ModelServer, captioner: Make, error: object, words: str
) -> None:
    with pytest.raises(EndpointRefusedError, match=words):
        answer_to(model_server, captioner(), Reply({"error": error}))


def test_the_chat_template_is_given_what_is_set(model_server: ModelServer, captioner: Make) -> None:
    captioner({"chat_template_kwargs": {"enable_thinking": False}}).caption([image(1)], None, [0])
    captioner().caption([image(1)], None, [0])
    first, second = (asked.body for asked in model_server.asked)
    assert first["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in second


def test_it_is_part_of_an_identity_only_where_it_is_set() -> None:
    assert ChatParams(temperature=0).model_dump(exclude_unset=True) == {"temperature": 0}
    there = ChatParams(chat_template_kwargs={"a": 1})
    assert there.model_dump(exclude_unset=True) == {"chat_template_kwargs": {"a": 1}}
    before = ChatParams(extra={"chat_template_kwargs": {"a": 1}})
    assert before.body() == {"chat_template_kwargs": {"a": 1}}
    both = before.model_dump(exclude_unset=True) | there.model_dump(exclude_unset=True)
    for refused in ({"chat_template_kwargs": {}}, both):
        with pytest.raises(ValidationError):
            ChatParams.model_validate(refused)


@pytest.mark.parametrize(("status", "code"), [(200, "ok"), (400, ItemCode.REQUEST_REFUSED)])
def test_an_answer_may_be_compressed(
    model_server: ModelServer, captioner: Make, status: int, code: object
) -> None:
    words = said(BUS).body if status == 200 else {"error": {"message": "A word or two."}}
    packed = Reply(gzip.compress(json.dumps(words).encode()), status, {"Content-Encoding": "gzip"})
    answer = answer_to(model_server, captioner(), packed)
    if isinstance(answer, Generation):
        assert (answer.text, code) == (BUS, "ok")
    else:
        assert answer.code == code
        assert "A word or two." in answer.message


@pytest.mark.parametrize(
    ("encoding", "data", "code"),
    [
        ("gzip", gzip.compress(bytes(200_000_000)), ItemCode.ANSWER_TOO_LONG),
        # Two kilobytes that are two gigabytes, if each layer is trusted.
        ("gzip, gzip", gzip.compress(gzip.compress(bytes(200_000_000))), ItemCode.ANSWER_MALFORMED),
        ("br", b"x", ItemCode.ANSWER_MALFORMED),
        ("gzip", b"no gzip", ItemCode.ANSWER_MALFORMED),
        ("gzip", gzip.compress(b"{}")[:-4], ItemCode.ANSWER_MALFORMED),
    ],
    ids=["one layer", "two layers", "unknown", "damaged", "cut off"],
)
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_unpacks_to_too_much_is_not_unpacked(
    model_server: ModelServer,
    captioner: Make,
    encoding: str,
    data: bytes,
    code: ItemCode,
    status: int,
) -> None:
    tracemalloc.start()
    answer = answer_to(
        model_server, captioner(), Reply(data, status, {"Content-Encoding": encoding})
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(answer, ItemFailure)
    assert answer.code == (code if status == 200 else ItemCode.REQUEST_REFUSED)
    assert peak < 150_000_000
