"""Captions from any server that speaks the OpenAI protocol: vLLM, SGLang, OpenAI, Gemini's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, JsonValue

from alignbench.models.endpoint.chat import (
    PATH,
    ChatParams,
    Message,
    chat_messages,
    chat_request,
    image_message,
    sent_seed,
)
from alignbench.models.endpoint.chat_replies import read_chat, read_reply
from alignbench.models.endpoint.client import Answer, Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pictures import Picture, picture_to_send
from alignbench.models.endpoint.request import Request
from alignbench.models.endpoint.stream import answered
from alignbench.schemas.chat import ChatAnswer, ChatRequest
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.plugins import StreamingCaptionerBase
from alignbench.schemas.protocols import CaptionRequest, Generation, ItemFailure


class OpenAICaptionerOptions(EndpointOptions):
    """A model server, and how images are sent to it.

    Attributes:
        max_image_side: Most pixels of the longer side of an image that is sent; larger ones are
            scaled down.
        send_seed: Whether the low 31 bits of each caption's seed are sent.
        keep_truncated: Whether a caption that was cut off at its token limit is kept.
    """

    max_image_side: Annotated[int, Field(ge=16, le=8192)] = 1536
    send_seed: bool = True
    keep_truncated: bool = False


class OpenAICaptioner(StreamingCaptionerBase[OpenAICaptionerOptions, ChatParams]):
    """Asks the model that a server calls `repo` about each image.

    `revision` is not sent: a server serves what it was started with. It may be given to say which.

    Raises:
        ConfigError: `repo` is empty, or the key would travel unencrypted.
        MissingSecretError: The key is not in the environment.
    """

    forward_batch = 64

    def load(self) -> None:
        """Reads the key; the server is not asked yet."""
        self._endpoint = Endpoint(self.options, self.repo)

    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        """Yields captions as they come, each with its request's place.

        Raises:
            EndpointDownError: The server does not answer, for longer than the patience.
            EndpointRefusedError: The server refuses the key, the model or the address.
        """

        async def answer(session: Session, request: CaptionRequest) -> Generation | ItemFailure:
            return await self._caption(session, request, instruction)

        return answered(self._endpoint, requests, answer)

    def chat_stream(
        self, requests: Iterator[ChatRequest]
    ) -> Iterator[tuple[int, ChatAnswer | ItemFailure]]:
        """Yields answers as they come; raises as `caption_stream` does."""
        return answered(self._endpoint, requests, self._chat)

    async def _caption(
        self, session: Session, request: CaptionRequest, instruction: str | None
    ) -> Generation | ItemFailure:
        try:
            picture = await picture_to_send(request.image.data, self.options.max_image_side)
        except ItemError as error:
            return error.failure
        asked = self._request([image_message(picture, instruction)], request.seed)
        engine = self._engine(picture, request.seed)

        def read(answer: Answer) -> Generation | ItemFailure:
            return read_chat(answer, engine, keep_truncated=self.options.keep_truncated)

        return await session.ask(PATH, asked, read)

    async def _chat(self, session: Session, request: ChatRequest) -> ChatAnswer | ItemFailure:
        picture = None
        if request.image is not None:
            try:
                picture = await picture_to_send(request.image.data, self.options.max_image_side)
            except ItemError as error:
                return error.failure
        messages = chat_messages(request.turns, picture)
        asked = self._request(messages, request.seed, request.reply_schema)
        engine = self._engine(picture, request.seed)

        def read(answer: Answer) -> ChatAnswer | ItemFailure:
            reply = read_reply(answer)
            if isinstance(reply, ItemFailure):
                return reply
            lineage = engine | reply.lineage
            keep = self.options.keep_truncated
            return ChatAnswer(reply.raw, lineage, reply.prompt_tokens, reply.seconds, keep)

        return await session.ask(PATH, asked, read)

    def _request(
        self,
        messages: Sequence[Message],
        seed: int,
        reply_schema: Mapping[str, object] | None = None,
    ) -> Request:
        sent = seed if self.options.send_seed else None
        return chat_request(self.repo, messages, self.params, sent, reply_schema)

    def _engine(self, picture: Picture | None, seed: int) -> dict[str, JsonValue]:
        engine: dict[str, JsonValue] = {"endpoint": self.options.base_url}
        if picture is not None:
            engine["image_size"] = [picture.width, picture.height]
        if self.options.send_seed:
            engine["seed"] = sent_seed(seed)
        return engine
