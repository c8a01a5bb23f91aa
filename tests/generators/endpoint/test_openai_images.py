import base64
import io
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from alignbench.generators.image_generators.openai import (
    ImageParams,
    OpenAIImageGenerator,
    OpenAIImageOptions,
)
from alignbench.models.errors import EndpointDownError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import (
    GeneratedImage,
    ImageGenerator,
    ImageRequest,
    ItemFailure,
    StreamingImageGenerator,
)
from tests.generators.endpoint.model_server import QUICK, ModelServer, Reply, image, refused


def generator(server: ModelServer, params: Any = None, **options: Any) -> OpenAIImageGenerator:
    values: dict[str, Any] = QUICK | {"base_url": server.base_url} | options
    return OpenAIImageGenerator(
        "painter", None, OpenAIImageOptions(**values), ImageParams(**(params or {}))
    )


def painted(data: bytes, **more: Any) -> Reply:
    return Reply({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()} | more]})


def one(server: ModelServer, **options: Any) -> GeneratedImage | ItemFailure:
    (found,) = generator(server, **options).generate(["A red cube."], [5])
    return found


def code(found: object) -> str:
    assert isinstance(found, ItemFailure), found
    return found.code


def test_an_image_comes_with_all_that_is_known_of_it(model_server: ModelServer) -> None:
    data = image(1).data
    body = {
        "data": [{"b64_json": base64.b64encode(data).decode(), "revised_prompt": "A cube, red."}],
        "usage": {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12},
    }
    model_server.script = lambda _: Reply(body)
    made: ImageGenerator = generator(model_server)
    (found,) = made.generate(["A red cube."], [5])
    assert isinstance(found, GeneratedImage)
    assert found.data == data
    assert found.seconds is not None
    assert found.engine == {
        "endpoint": model_server.base_url,
        "revised_prompt": "A cube, red.",
        "usage": {"input_tokens": 3, "output_tokens": 9},
        "attempts": 1,
    }
    assert isinstance(made, StreamingImageGenerator)
    assert generator(model_server).resolve_revision("painter", OpenAIImageOptions()) is None


def test_exactly_what_is_set_is_sent(model_server: ModelServer) -> None:
    model_server.script = lambda _: painted(image(1).data)
    generator(model_server).generate(["A cube."], [2**40 + 5])
    params = {"size": "64x64", "response_format": "b64_json", "extra": {"background": "opaque"}}
    generator(model_server, params, send_seed=True).generate(["A cube."], [2**40 + 5])
    least = {"model": "painter", "prompt": "A cube.", "n": 1}
    assert model_server.asked[0].path == "/v1/images/generations"
    assert [asked.body for asked in model_server.asked] == [
        least,
        least | {"size": "64x64", "response_format": "b64_json", "background": "opaque", "seed": 5},
    ]


def test_images_come_back_in_the_order_of_their_prompts(model_server: ModelServer) -> None:
    model_server.script = lambda asked: painted(image(int(asked.body["prompt"])).data)
    found = generator(model_server).generate([str(n) for n in range(30)], [0] * 30)
    pictures = [Image.open(io.BytesIO(f.data)) for f in found if isinstance(f, GeneratedImage)]
    assert [picture.getpixel((0, 0)) for picture in pictures] == [(n, 0, 7) for n in range(30)]


def test_a_stream_gives_every_place_once(model_server: ModelServer) -> None:
    model_server.script = lambda _: painted(image(1).data)
    requests = (ImageRequest(str(number), number) for number in range(40))
    assert sorted(p for p, _ in generator(model_server).generate_stream(requests)) == list(
        range(40)
    )


@pytest.mark.parametrize(
    "reply",
    [
        refused(400, "rejected by our safety system", "moderation_blocked"),
        refused(400, "This violates our content policy", "content_policy_violation"),
        refused(400, "rejected as a result of our safety system."),
    ],
)
def test_a_prompt_that_the_provider_refuses_is_a_failure(
    model_server: ModelServer, reply: Reply
) -> None:
    model_server.script = lambda _: reply
    assert code(one(model_server)) == ItemCode.ANSWER_REFUSED
    assert len(model_server.asked) == 1


def test_a_black_image_is_a_failure(model_server: ModelServer) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    model_server.script = lambda _: painted(buffer.getvalue())
    assert code(one(model_server)) == ItemCode.IMAGE_BLANKED


@pytest.mark.parametrize("body", [{"data": []}, {"data": [{}]}, {"data": [{"b64_json": ""}]}])
def test_an_answer_without_an_image_is_a_failure(model_server: ModelServer, body: Any) -> None:
    model_server.script = lambda _: Reply(body)
    assert code(one(model_server)) == ItemCode.ANSWER_EMPTY


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"{"),
        Reply({"data": [{"b64_json": "?"}]}),
        Reply({"data": [{"b64_json": "é==="}]}),
        Reply({"datum": []}),
    ],
)
def test_an_answer_that_cannot_be_read_is_asked_for_again_a_few_times(
    model_server: ModelServer, reply: Reply
) -> None:
    model_server.script = lambda _: reply
    assert code(one(model_server)) == ItemCode.ANSWER_MALFORMED
    assert len(model_server.asked) == 3


def test_an_image_behind_a_url_is_fetched_under_the_rules_for_urls(
    model_server: ModelServer,
) -> None:
    model_server.gets["/x.png"] = image(1).data
    url = f"http://127.0.0.1:{model_server.server_port}/x.png"
    model_server.script = lambda _: Reply({"data": [{"url": url}]})
    assert code(one(model_server)) == ItemCode.ADDRESS_REFUSED
    found = one(model_server, allow_private_addresses=True)
    assert isinstance(found, GeneratedImage)
    assert found.data == image(1).data


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:image/png;base64,AAAA"])
def test_no_other_url_is_followed(model_server: ModelServer, url: str) -> None:
    model_server.script = lambda _: Reply({"data": [{"url": url}]})
    found = one(model_server, allow_private_addresses=True)
    assert code(found) == ItemCode.URL_INVALID


def test_a_server_that_is_busy_is_waited_for_and_one_that_is_gone_stops_the_run(
    model_server: ModelServer,
) -> None:
    replies = [refused(429, Retry_After="0"), refused(500), painted(image(1).data)]
    model_server.script = lambda _: replies.pop(0)
    assert isinstance(one(model_server), GeneratedImage)
    model_server.script = lambda _: refused(503)
    with pytest.raises(EndpointDownError):
        one(model_server, patience_seconds=0.05)


@pytest.mark.parametrize(
    "params", [{"extra": {"prompt": "x"}}, {"extra": {"size": "1x1"}}, {"response_format": "png"}]
)
def test_params_that_contradict_are_refused(params: Any) -> None:
    with pytest.raises(ValidationError):
        ImageParams(**params)
