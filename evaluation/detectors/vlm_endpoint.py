"""A vision-language model behind an endpoint, asked whether the sentence is true of the image."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, JsonValue, ValidationError

from alignbench.evaluation.detectors.vlm import PROMPTS, scored_answer
from alignbench.evaluation.model_replies import parse_score, yes_share
from alignbench.evaluation.prompts import ask_again, asked
from alignbench.models.endpoint.chat import (
    PATH,
    ChatParams,
    Message,
    chat_body,
    image_message,
    read_chat,
)
from alignbench.models.endpoint.client import Answer, Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pictures import picture_to_send
from alignbench.models.endpoint.responses import MalformedAnswerError
from alignbench.models.endpoint.stream import answered
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import StreamingDetectorBase
from alignbench.schemas.protocols import Generation, ItemFailure

_TOP = 20


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
        return PROMPTS[params.answer]

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
            return await session.ask(PATH, self._body(messages), _read_yes)
        first = await session.ask(PATH, self._body(messages), _read_text)
        if isinstance(first, ItemFailure) or parse_score(first.text) is not None:
            return first if isinstance(first, ItemFailure) else scored_answer(first.text)
        messages += [
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": ask_again()},
        ]
        second = await session.ask(PATH, self._body(messages), _read_text)
        return second if isinstance(second, ItemFailure) else scored_answer(second.text)

    def _body(self, messages: Sequence[Message]) -> bytes:
        return chat_body(self.repo, messages, self.params, seed=None)


class _Token(BaseModel):
    token: str
    logprob: float


class _Place(BaseModel):
    top_logprobs: list[_Token] = Field(default_factory=list)


class _Content(BaseModel):
    content: list[_Place] | None = None


class _Choice(BaseModel):
    logprobs: _Content | None = None


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]


def _read_text(answer: Answer) -> Generation | ItemFailure:
    return read_chat(answer, {}, keep_truncated=True)


def _read_yes(answer: Answer) -> SentenceScore | ItemFailure:
    try:
        found = _Completion.model_validate_json(answer.content)
    except ValidationError as error:
        raise MalformedAnswerError(f"the log probabilities: {error.error_count()} errors") from None
    logprobs = found.choices[0].logprobs
    places = logprobs.content if logprobs is not None else None
    if not places:
        message = "The server gave no log probabilities; use answer=score."
        return ItemCode.ANSWER_NO_SCORE.failure(message)
    share = yes_share((token.token, token.logprob) for token in places[0].top_logprobs)
    if share is None:
        message = "Neither yes nor no is among the likeliest first tokens of the answer."
        return ItemCode.ANSWER_NO_SCORE.failure(message)
    return SentenceScore(share)
