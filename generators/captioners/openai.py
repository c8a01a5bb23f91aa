"""Captions from any server that speaks the OpenAI protocol: vLLM, SGLang, OpenAI, Gemini's."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import anyio
from pydantic import Field, JsonValue

from alignbench.models.endpoint.chat import PATH, ChatParams, chat_body, read_chat, sent_seed
from alignbench.models.endpoint.client import Answer, Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pictures import Picture, scaled_picture, small_picture
from alignbench.models.endpoint.stream import answered
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.protocols import (
    CaptionInput,
    CaptionRequest,
    Generation,
    ItemFailure,
    Options,
)


class OpenAICaptionerOptions(EndpointOptions):
    """A model server, and how images are sent to it.

    Attributes:
        max_image_side: Most pixels of the longer side of an image that is sent; larger ones are
            scaled down.
        send_seed: Whether the low 31 bits of each caption's seed are sent.
        keep_truncated: Whether a caption that was cut off at its limit of tokens is kept.
    """

    max_image_side: Annotated[int, Field(ge=16, le=8192)] = 1536
    send_seed: bool = True
    keep_truncated: bool = False


class OpenAICaptioner:
    """Asks the model that a server calls `repo` about each image.

    `revision` is not sent: a server serves what it was started with. It may be given to say which.

    Raises:
        ConfigError: `repo` is empty, or the key would travel unencrypted.
        MissingSecretError: The key is not in the environment.
    """

    options_type: ClassVar[type[Options]] = OpenAICaptionerOptions
    params_type: ClassVar[type[Options]] = ChatParams
    reads_pixels: ClassVar[bool] = True
    forward_batch = 64

    def __init__(
        self,
        repo: str,
        revision: str | None,  # noqa: ARG002 - the protocol's
        options: Options,
        params: Options,
    ) -> None:
        self._model = repo
        self._options = OpenAICaptionerOptions.model_validate(options)
        self._params = ChatParams.model_validate(params)
        self._endpoint = Endpoint(self._options, repo)

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:  # noqa: ARG003
        """Returns None: the protocol does not tell revisions."""
        return None

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        """Returns one caption, or one failure, for each image, in order.

        Raises:
            EndpointDownError: The server does not answer, for longer than the patience.
            EndpointRefusedError: The server refuses the key, the model or the address.
        """
        requests = (CaptionRequest(*pair) for pair in zip(images, seeds, strict=True))
        answers = dict(self.caption_stream(requests, instruction))
        return [answers[place] for place in range(len(images))]

    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        """Yields captions as they come, each with its request's place; raises as `caption` does."""

        async def answer(session: Session, request: CaptionRequest) -> Generation | ItemFailure:
            return await self._caption(session, request, instruction)

        return answered(self._endpoint, requests, answer)

    async def _caption(
        self, session: Session, request: CaptionRequest, instruction: str | None
    ) -> Generation | ItemFailure:
        try:
            shown = await self._shown(request.image.data)
        except ItemError as error:
            return error.failure
        seed = request.seed if self._options.send_seed else None
        body = chat_body(self._model, [_message(shown, instruction)], self._params, seed)
        engine: dict[str, JsonValue] = {
            "endpoint": self._options.base_url,
            "image_size": [shown.width, shown.height],
        }
        if seed is not None:
            engine["seed"] = sent_seed(seed)

        def read(answer: Answer) -> Generation | ItemFailure:
            return read_chat(answer, engine, keep_truncated=self._options.keep_truncated)

        return await session.ask(PATH, body, read)

    async def _shown(self, data: bytes) -> Picture:
        side = self._options.max_image_side
        shown = small_picture(data, side)
        if shown is not None:
            return shown
        # This takes long enough to hold up the answers of others.
        return await anyio.to_thread.run_sync(scaled_picture, data, side)


def _message(shown: Picture, instruction: str | None) -> dict[str, object]:
    parts: list[dict[str, object]] = [{"type": "image_url", "image_url": {"url": shown.url}}]
    if instruction is not None:
        parts.append({"type": "text", "text": instruction})
    return {"role": "user", "content": parts}
