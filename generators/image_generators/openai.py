"""Images from any server that speaks the OpenAI protocol."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Annotated, Final, Literal, NamedTuple, Self

import anyio
from PIL import Image
from pydantic import BaseModel, Field, JsonValue, ValidationError, model_validator

from alignbench.generators.image_checks import MAX_BYTES
from alignbench.generators.sources.checked_network import CheckedNetwork
from alignbench.generators.sources.download import DownloadLimits, download_all
from alignbench.models.endpoint.chat import check_extra, sent_seed
from alignbench.models.endpoint.client import Answer, Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.request import Request, text_bytes
from alignbench.models.endpoint.responses import ErrorInAnswerError, MalformedAnswerError
from alignbench.models.endpoint.stream import answered
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import StreamingImageGeneratorBase
from alignbench.schemas.protocols import GeneratedImage, ImageRequest, ItemFailure, Options
from alignbench.schemas.vocabulary import FailureKind

PATH: Final = "images/generations"
_MOST_BYTES: Final = 100 << 20
"""Most bytes of an answer: the largest image that is accepted, in base64."""

_OURS: Final = frozenset({"model", "prompt", "n", "seed", "stream"})


class OpenAIImageOptions(EndpointOptions):
    """A model server, and how its images are fetched.

    Attributes:
        send_seed: Whether the low 31 bits of each image's seed are sent; OpenAI's own models do
            not take one.
        allow_private_addresses: Whether a server that answers with a URL may lead to private and
            loopback addresses.
    """

    timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    start_concurrency: Annotated[int, Field(ge=1, le=1024)] = 4
    send_seed: bool = False
    allow_private_addresses: bool = False


class ImageParams(Options):
    """What is sent beside model and prompt. What is not set is not sent.

    Attributes:
        size: Such as `1024x1024`.
        quality: As the server calls it.
        response_format: Some servers answer with a URL unless asked for `b64_json`; others refuse
            to be asked.
        extra: Further keys of the request, as they are.
    """

    size: str | None = None
    quality: str | None = None
    response_format: Literal["b64_json", "url"] | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_things_once(self) -> Self:
        check_extra(self.extra, _OURS | (set(ImageParams.model_fields) - {"extra"}))
        return self

    def body(self) -> dict[str, JsonValue]:
        """Returns the keys to be sent."""
        named = self.model_dump(mode="json", exclude_unset=True, exclude={"extra"})
        return named | self.extra


class OpenAIImageGenerator(StreamingImageGeneratorBase[OpenAIImageOptions, ImageParams]):
    """Asks the model that a server calls `repo` for an image of each prompt.

    `revision` is not sent: a server serves what it was started with. It may be given to say which.

    Raises:
        ConfigError: `repo` is empty, or the key would travel unencrypted.
        MissingSecretError: The key is not in the environment.
    """

    forward_batch = 16

    def load(self) -> None:
        """Reads the key; the server is not asked yet."""
        self._endpoint = Endpoint(self.options, self.repo)

    def generate_stream(
        self, requests: Iterator[ImageRequest]
    ) -> Iterator[tuple[int, GeneratedImage | ItemFailure]]:
        """Yields images as they come, each with its request's place.

        Raises:
            EndpointDownError: The server does not answer, for longer than the patience.
            EndpointRefusedError: The server refuses the key, the model or the address.
        """
        return answered(self._endpoint, requests, self._image)

    async def _image(self, session: Session, request: ImageRequest) -> GeneratedImage | ItemFailure:
        seed = {"seed": sent_seed(request.seed)} if self.options.send_seed else {}
        body = {"model": self.repo, "prompt": request.prompt, "n": 1}
        sent = json.dumps(body | self.params.body() | seed).encode()
        asked = Request(sent, text_bytes([request.prompt]))
        found = await session.ask(PATH, asked, _read, most_bytes=_MOST_BYTES)
        if isinstance(found, ItemFailure):
            return found
        url_or_data = found.data
        data = await self._fetched(url_or_data) if isinstance(url_or_data, str) else url_or_data
        if isinstance(data, ItemFailure):
            return data
        if await anyio.to_thread.run_sync(_is_black, data):
            return ItemCode.IMAGE_BLANKED.failure("The image is all black; a checker blanked it.")
        engine = {"endpoint": self.options.base_url, **found.engine, **seed}
        return GeneratedImage(data, engine, found.seconds)

    async def _fetched(self, url: str) -> bytes | ItemFailure:
        """Downloads an image under the rules for any URL that comes from outside."""
        limits = DownloadLimits(
            1,
            self.options.timeout_seconds,
            MAX_BYTES,
            self.options.attempts - 1,
            respects_opt_outs=False,  # it was made for us
        )
        network = CheckedNetwork(allow_private=self.options.allow_private_addresses)
        (found,) = await download_all([url], limits, network)
        return found


class _Picture(BaseModel):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Usage(BaseModel):
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Answer(BaseModel):
    data: list[_Picture] | None = None
    error: JsonValue = None
    model: str | None = None
    usage: _Usage | None = None


class _Found(NamedTuple):
    """An image that came with the answer, or its URL; and its lineage."""

    data: bytes | str
    engine: dict[str, JsonValue]
    seconds: float


def _read(answer: Answer) -> _Found | ItemFailure:
    try:
        found = _Answer.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise MalformedAnswerError(f"{place}: {first['msg']}") from None
    if found.error or found.data is None:
        raise ErrorInAnswerError(answer.content)
    if not found.data or not (found.data[0].b64_json or found.data[0].url):
        return ItemCode.ANSWER_EMPTY.failure("The answer has no image.", FailureKind.EMPTY)
    picture = found.data[0]
    said: dict[str, JsonValue] = {
        "model": found.model,
        "revised_prompt": picture.revised_prompt,
        "usage": None if found.usage is None else found.usage.model_dump(exclude_none=True),
    }
    engine: dict[str, JsonValue] = {name: value for name, value in said.items() if value}
    engine["attempts"] = answer.attempts
    return _Found(_data(picture), engine, answer.seconds)


def _data(picture: _Picture) -> bytes | str:
    if not picture.b64_json:
        return picture.url or ""
    try:
        return base64.b64decode(picture.b64_json, validate=True)
    except ValueError as error:  # which letters beyond ASCII are, too
        raise MalformedAnswerError(f"data.0.b64_json: {error}") from None


def _is_black(data: bytes) -> bool:
    """Tells whether an image is all black; what is no image at all is for its check to find."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            return image.convert("RGB").getbbox() is None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
