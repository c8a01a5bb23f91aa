import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from alignbench.generators.captioners.openai import OpenAICaptioner, OpenAICaptionerOptions
from alignbench.models.endpoint.chat import ChatParams
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import (
    Captioner,
    CaptionInput,
    Generation,
    ItemFailure,
    StreamingCaptioner,
)
from alignbench.schemas.vocabulary import FailureKind
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, image, said

Make = Callable[..., OpenAICaptioner]


def sent_image(asked: Asked) -> Image.Image:
    head, _, data = asked.image.partition(",")
    assert head.startswith("data:image/")
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_caption_comes_with_all_that_is_known_of_it(
    model_server: ModelServer, captioner: Make
) -> None:
    model_server.script = lambda _: said("A red cube.\n")
    one: Captioner = captioner()
    (answer,) = one.caption([image(1)], "Describe.", [2**40 + 5])
    assert isinstance(answer, Generation)
    assert answer.text == "A red cube.\n"
    assert (answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == ("stop", 11, 7)
    assert answer.seconds is not None
    assert 0 < answer.seconds < 5
    assert answer.engine == {
        "endpoint": model_server.base_url,
        "model": "served-model",
        "system_fingerprint": "fp_1",
        "image_size": [4, 3],
        "seed": 5,
        "attempts": 1,
    }
    assert isinstance(one, StreamingCaptioner)


@pytest.mark.parametrize("count", [2**31, -1, "many", float("nan"), None])
def test_a_count_of_tokens_that_cannot_be_is_taken_for_none(
    model_server: ModelServer, captioner: Make, count: Any
) -> None:
    reply = said("A red cube.")
    reply.body["usage"] = {"prompt_tokens": count, "completion_tokens": 7}
    model_server.script = lambda _: reply
    (answer,) = captioner().caption([image(1)], "Describe.", [1])
    assert isinstance(answer, Generation)
    assert (answer.prompt_tokens, answer.completion_tokens) == (None, 7)


def test_exactly_what_is_set_is_sent(model_server: ModelServer, captioner: Make) -> None:
    params = {"max_tokens": 64, "temperature": 0, "extra": {"top_k": 5, "guided": {"a": [1]}}}
    captioner(params).caption([image(1)], "Describe.", [7])
    captioner(send_seed=False).caption([image(1)], None, [7])
    first, second = (asked.body for asked in model_server.asked)
    assert model_server.asked[0].path == "/v1/chat/completions"
    url = {"type": "image_url", "image_url": {"url": model_server.asked[0].image}}
    content = [url, {"type": "text", "text": "Describe."}]
    assert first == {
        "model": "tiny",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 64,
        "temperature": 0,
        "top_k": 5,
        "guided": {"a": [1]},
        "seed": 7,
    }
    assert second == {"model": "tiny", "messages": [{"role": "user", "content": [url]}]}


def test_captions_come_back_in_the_order_of_their_images(
    model_server: ModelServer, captioner: Make
) -> None:
    model_server.script = lambda asked: said(f"{sent_image(asked).getpixel((0, 0))}")
    answers = captioner().caption([image(n) for n in range(50)], None, [0] * 50)
    texts = [answer.text for answer in answers if isinstance(answer, Generation)]
    assert texts == [f"({n}, 0, 7)" for n in range(50)]


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_a_small_image_is_sent_byte_for_byte(
    model_server: ModelServer, captioner: Make, image_format: str
) -> None:
    small = image(3, (64, 40), image_format)
    captioner(max_image_side=64).caption([small], None, [0])
    head, _, data = model_server.asked[0].image.partition(",")
    assert head == f"data:image/{image_format.lower()};base64"
    assert base64.b64decode(data) == small.data


def test_a_large_image_is_scaled_down(model_server: ModelServer, captioner: Make) -> None:
    (answer,) = captioner(max_image_side=100).caption([image(3, (400, 200), "JPEG")], None, [0])
    sent = sent_image(model_server.asked[0])
    assert (sent.size, sent.format) == ((100, 50), "JPEG")
    assert isinstance(answer, Generation)
    assert answer.engine["image_size"] == [100, 50]


def test_a_damaged_image_fails_alone_and_is_not_sent(
    model_server: ModelServer, captioner: Make
) -> None:
    bad = CaptionInput("bad", image(1, (300, 300)).data[:60])
    made = captioner(max_image_side=100)
    answers = made.caption([image(1), bad, CaptionInput("no", b"x")], None, [0] * 3)
    assert isinstance(answers[0], Generation)
    codes = [answer.code for answer in answers[1:] if isinstance(answer, ItemFailure)]
    assert codes == [ItemCode.IMAGE_DAMAGED] * 2
    assert len(model_server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "code", "kind", "words"),
    [
        (said("Half a capt", "length"), ItemCode.ANSWER_TRUNCATED, "failed", "after 7 tokens"),
        (said("", "content_filter"), ItemCode.ANSWER_FILTERED, "failed", "content filter"),
        (said(None, refusal="I can't."), ItemCode.ANSWER_REFUSED, "failed", "I can't."),
        (said(""), ItemCode.ANSWER_EMPTY, "empty", "stop"),
        (said(" \n"), ItemCode.ANSWER_EMPTY, "empty", "stop"),
        (said(None, "tool_calls"), ItemCode.ANSWER_EMPTY, "empty", "tool_calls"),
    ],
)
def test_an_answer_that_is_no_caption_is_recorded_as_what_it_is(
    model_server: ModelServer, captioner: Make, reply: Reply, code: str, kind: str, words: str
) -> None:
    model_server.script = lambda _: reply
    (answer,) = captioner().caption([image(1)], None, [0])
    assert isinstance(answer, ItemFailure)
    assert (answer.code, answer.kind) == (code, FailureKind(kind))
    assert words in answer.message
    assert len(model_server.asked) == 1


def test_a_cut_off_caption_may_be_kept(model_server: ModelServer, captioner: Make) -> None:
    model_server.script = lambda _: said("Half a capt", "length")
    (answer,) = captioner(keep_truncated=True).caption([image(1)], None, [0])
    assert isinstance(answer, Generation)
    assert (answer.text, answer.finish_reason) == ("Half a capt", "length")


def test_text_in_parts_is_one_text(model_server: ModelServer, captioner: Make) -> None:
    parts: Any = [{"type": "text", "text": "A red "}, {"type": "text", "text": "cube."}]
    model_server.script = lambda _: said(parts)
    (answer,) = captioner().caption([image(1)], None, [0])
    assert isinstance(answer, Generation)
    assert answer.text == "A red cube."


@pytest.mark.parametrize(
    "params",
    [
        {"max_tokens": 5, "max_completion_tokens": 5},
        {"extra": {"model": "another"}},
        {"extra": {"temperature": 1}},
        {"extra": {"seed": 1}},
        {"extra": {"n": 2}},
        {"temperature": -1},
        {"max_token": 5},
    ],
)
def test_params_that_contradict_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChatParams(**params)


def test_a_model_must_be_named() -> None:
    with pytest.raises(ConfigError, match="No model is named"):
        OpenAICaptioner("", None, OpenAICaptionerOptions(), ChatParams())
    assert OpenAICaptioner.resolve_revision("tiny", OpenAICaptionerOptions()) is None
