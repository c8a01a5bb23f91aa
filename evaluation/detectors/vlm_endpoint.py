"""A vision-language model behind an endpoint, asked whether the sentence is true of the image."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

import anyio
from pydantic import BaseModel, Field, JsonValue, ValidationError

from alignbench.evaluation.answers import parse_score, yes_share
from alignbench.evaluation.detectors.vlm import PROMPTS, scored_answer
from alignbench.evaluation.prompts import ask_again, asked
from alignbench.models.endpoint.chat import PATH, ChatParams, chat_body, read_chat
from alignbench.models.endpoint.client import Answer, Endpoint, Session
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pictures import Picture, scaled_picture, small_picture
from alignbench.models.endpoint.responses import MalformedAnswerError
from alignbench.models.endpoint.stream import answered
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import Generation, ItemFailure, Options

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


class VlmEndpointDetector:
    """Asks the model that a server calls `repo` about each sentence, many at a time.

    Raises:
        ConfigError: `repo` is empty, or the key would travel unencrypted.
        MissingSecretError: The key is not in the environment.
    """

    options_type: ClassVar[type[Options]] = VlmEndpointOptions
    params_type: ClassVar[type[Options]] = VlmEndpointParams
    reads_pixels: ClassVar[bool] = True

    def __init__(
        self,
        repo: str,
        revision: str | None,  # noqa: ARG002 - the protocol's
        prompt: str | None,
        options: Options,
        params: Options,
    ) -> None:
        if prompt is None:
            raise ConfigError("A vlm_endpoint detector has no prompt.", "Name one: score_v1.")
        self._model, self._prompt = repo, prompt
        self._options = VlmEndpointOptions.model_validate(options)
        self._params = VlmEndpointParams.model_validate(params)
        self._endpoint = Endpoint(self._options, repo)

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:  # noqa: ARG003
        """Returns None: the protocol does not tell revisions."""
        return None

    @classmethod
    def default_prompt(cls, params: Options) -> str | None:
        """Returns the name of the prompt for the kind of answer."""
        return PROMPTS[VlmEndpointParams.model_validate(params).answer]

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the score of each sentence.

        Raises:
            EndpointDownError: The server does not answer, for longer than the patience.
            EndpointRefusedError: The server refuses the key, the model or the address.
        """
        answers = dict(self.score_stream(iter(requests)))
        return [answers[place] for place in range(len(requests))]

    def score_stream(
        self, requests: Iterator[ScoringRequest]
    ) -> Iterator[tuple[int, SentenceScore | ItemFailure]]:
        """Yields scores as they come, each with its request's place; raises as `score` does."""
        return answered(self._endpoint, requests, self._answer)

    async def _answer(
        self, session: Session, request: ScoringRequest
    ) -> SentenceScore | ItemFailure:
        try:
            shown = await self._shown(request.image)
        except ItemError as error:
            return error.failure
        messages = [_question(shown, asked(self._prompt, request.text))]
        if self._params.answer == "yes_no":
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

    def _body(self, messages: Sequence[dict[str, object]]) -> bytes:
        return chat_body(self._model, messages, self._params, seed=None)

    async def _shown(self, data: bytes) -> Picture:
        side = self._options.max_image_side
        shown = small_picture(data, side)
        if shown is not None:
            return shown
        # This takes long enough to hold up the answers of others.
        return await anyio.to_thread.run_sync(scaled_picture, data, side)


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


def _question(shown: Picture, text: str) -> dict[str, Any]:
    image = {"type": "image_url", "image_url": {"url": shown.url}}
    return {"role": "user", "content": [image, {"type": "text", "text": text}]}
