"""A vision-language model behind an endpoint, asked whether the sentence is true of the image."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from alignbench.evaluation.detector_parts.model_replies import ASKED_AGAIN, scored_answer
from alignbench.evaluation.prompts import PROMPT_OF_ANSWER, ask_again, asked
from alignbench.models.answers.reading import ReadAnswer, read_answer
from alignbench.models.answers.yes_no import first_word_token, yes_share
from alignbench.models.endpoint.chat import PATH, ChatParams, Message, chat_request, image_message
from alignbench.models.endpoint.chat_replies import ChatReply, read_reply
from alignbench.models.endpoint.client import Answer, Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pictures import picture_to_send
from alignbench.models.endpoint.request import Request
from alignbench.models.endpoint.stream import answered
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import StreamingDetectorBase
from alignbench.schemas.protocols import ItemFailure

_TOP = 20
_REPEATED = 1_000
"""Characters of an answer that cannot be read which are repeated to the model."""


class VlmEndpointOptions(EndpointOptions):
    """A model server, and how images are sent to it.

    Attributes:
        max_image_side: Most pixels of the longer side of an image that is sent.
    """

    max_image_side: Annotated[int, Field(ge=16, le=8192)] = 1536


class VlmEndpointParams(ChatParams):
    """What is sent, and what is taken as the score.

    Attributes:
        answer: `score`: the number from 0 to 100 that the model writes; `yes_no`: the probability
            of yes over that of yes or no, which the server must give (`logprobs`).
    """

    answer: Literal["score", "yes_no"] = "score"

    def body(self) -> dict[str, JsonValue]:
        """Returns the keys to be sent."""
        sent = {key: value for key, value in super().body().items() if key != "answer"}
        return sent | ({"logprobs": True, "top_logprobs": _TOP} if self.answer == "yes_no" else {})


class VlmEndpointDetector(StreamingDetectorBase[VlmEndpointOptions, VlmEndpointParams]):
    """Asks the model that a server calls `repo` about each sentence, many at a time.

    Raises:
        ConfigError: `repo` is empty, or the key would travel unencrypted.
        MissingSecretError: The key is not in the environment.
    """

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Reads the key; the server is not asked yet."""
        if self.prompt is None:
            raise ConfigError("A vlm_endpoint detector has no prompt.", "Name one: score_v1.")
        self._prompt = self.prompt
        self._endpoint = Endpoint(self.options, self.repo)

    @classmethod
    def default_prompt(cls, params: VlmEndpointParams) -> str | None:
        """Returns the name of the prompt for the kind of answer."""
        return PROMPT_OF_ANSWER[params.answer]

    def score_stream(
        self, requests: Iterator[ScoringRequest]
    ) -> Iterator[tuple[int, SentenceScore | ItemFailure]]:
        """Yields scores as they come, each with its request's place.

        Raises:
            EndpointDownError: The server does not answer, for longer than the patience.
            EndpointRefusedError: The server refuses the key, the model or the address.
        """
        return answered(self._endpoint, requests, self._answer)

    async def _answer(
        self, session: Session, request: ScoringRequest
    ) -> SentenceScore | ItemFailure:
        try:
            picture = await picture_to_send(request.image, self.options.max_image_side)
        except ItemError as error:
            return error.failure
        messages = [image_message(picture, asked(self._prompt, request.text))]
        if self.params.answer == "yes_no":
            return await session.ask(PATH, self._request(messages), _read_yes)
        first = await session.ask(PATH, self._request(messages), read_reply)
        if isinstance(first, ItemFailure):
            return first
        score = scored_answer(first.raw)
        if isinstance(score, SentenceScore) or score.code not in ASKED_AGAIN:
            return score
        messages += [
            {"role": "assistant", "content": _said(first)},
            {"role": "user", "content": ask_again()},
        ]
        second = await session.ask(PATH, self._request(messages), read_reply)
        return second if isinstance(second, ItemFailure) else scored_answer(second.raw)

    def _request(self, messages: Sequence[Message]) -> Request:
        return chat_request(self.repo, messages, self.params, seed=None)


def _said(reply: ChatReply) -> str:
    """Returns what the model said, without its thoughts: chat templates leave those out too."""
    answer = read_answer(reply.raw, keep_truncated=True)
    return answer.text if isinstance(answer, ReadAnswer) else reply.raw.text[:_REPEATED]


def _read_yes(answer: Answer) -> SentenceScore | ItemFailure:
    reply = read_reply(answer)
    if isinstance(reply, ItemFailure):
        return reply
    if not any(place.top_logprobs for place in reply.tokens):
        message = "The server gave no log probabilities; use answer=score."
        return ItemCode.ANSWER_NO_SCORE.failure(message)
    first = first_word_token([place.token for place in reply.tokens])
    if first is None:
        message = "The answer ended before its first word: allow more tokens, or no thought."
        return ItemCode.ANSWER_TRUNCATED.failure(message)
    top = reply.tokens[first].top_logprobs
    share = yes_share((token.token, token.logprob) for token in top)
    if share is None:
        message = "Neither yes nor no is among the likeliest first words of the answer."
        return ItemCode.ANSWER_NO_SCORE.failure(message)
    return SentenceScore(share)
