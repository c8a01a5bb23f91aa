"""Chat completions: what an answer holds, decoded once, and the caption that it is."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field, JsonValue, ValidationError

from alignbench.models.answers.captions import read_caption
from alignbench.models.answers.finish_reasons import Ending, ending_of
from alignbench.models.answers.reading import broken_off
from alignbench.models.endpoint.client import Answer
from alignbench.models.endpoint.responses import (
    BrokenOffError,
    ErrorInAnswerError,
    MalformedAnswerError,
)
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import Generation, ItemFailure

_THOUGHT_PARTS = frozenset({"reasoning", "thinking", "thought", "reasoning_text", "summary_text"})

_Loose = Annotated[str | None, BeforeValidator(lambda value: None if value is None else str(value))]
"""A text where some server has a number."""


class TokenChance(BaseModel):
    """A token that could have stood at a place, and its log probability."""

    token: str
    logprob: float


class TokenPlace(BaseModel):
    """A token of an answer, and what else could have stood there."""

    token: str = ""
    top_logprobs: list[TokenChance] = Field(default_factory=list)


class ChatReply(NamedTuple):
    """What a server answered to one request.

    Attributes:
        raw: What the model wrote.
        lineage: What the server said of itself, and how often it was asked.
        tokens: The answer's tokens with their log probabilities, where those were asked for.
        prompt_tokens: Tokens of the request, where they are counted.
        seconds: Time that the last attempt took.
    """

    raw: RawAnswer
    lineage: dict[str, JsonValue]
    tokens: list[TokenPlace]
    prompt_tokens: int | None
    seconds: float


class _Message(BaseModel):
    content: str | list[dict[str, JsonValue]] | None = None
    refusal: str | None = None
    reasoning_content: JsonValue = None
    reasoning: JsonValue = None
    thinking: JsonValue = None


class _Logprobs(BaseModel):
    content: list[TokenPlace] | None = None


_MOST_TOKENS: Final = 2**31 - 1
"""More do not fit into a table, and into no model."""

_Lenient = Annotated[
    _Logprobs | None, BeforeValidator(lambda value: value if isinstance(value, dict) else None)
]


class _Choice(BaseModel):
    message: _Message = Field(default_factory=_Message)
    finish_reason: _Loose = None
    error: JsonValue = None
    logprobs: _Lenient = None


def _counted(value: object) -> object:
    """Returns a count that a server gives; None for one that cannot be, as if it gave none."""
    return value if isinstance(value, int | float) and 0 <= value <= _MOST_TOKENS else None


_Count = Annotated[int | None, BeforeValidator(_counted)]


class _Usage(BaseModel):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None


class _Completion(BaseModel):
    choices: list[_Choice] | None = None
    error: JsonValue = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: _Usage | None = None


class _Parts(NamedTuple):
    """What the parts of a message's content say, think and refuse."""

    text: str
    thought: str
    refusal: str


def read_reply(answer: Answer) -> ChatReply | ItemFailure:
    """Returns what a successful response holds, or the model's refusal.

    Raises:
        MalformedAnswerError: It is not a chat completion with a choice.
        ErrorInAnswerError: It holds an error of the provider, in spite of its HTTP status.
        BrokenOffError: The server broke the answer off.
    """
    try:
        found = _Completion.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise MalformedAnswerError(f"{place}: {first['msg']}") from None
    if found.error or not found.choices:
        raise ErrorInAnswerError(answer.content)
    choice, usage = found.choices[0], found.usage or _Usage()
    if choice.error:
        raise ErrorInAnswerError(choice.model_dump_json(include={"error"}).encode())
    parts = _parts(choice.message.content)
    refusal = choice.message.refusal or parts.refusal
    if refusal:
        return ItemCode.ANSWER_REFUSED.failure(f"The model refused: {shorten(refusal, 300)}")
    message = choice.message
    apart = (message.reasoning_content, message.reasoning, message.thinking, parts.thought)
    thoughts = dict.fromkeys(text for value in apart if (text := "".join(_texts(value)).strip()))
    raw = RawAnswer(
        parts.text,
        choice.finish_reason,
        "\n".join(thoughts),
        completion_tokens=usage.completion_tokens,
    )
    if ending_of(raw.finish_reason) is Ending.BROKEN_OFF:
        raise BrokenOffError(broken_off(raw))
    said = {"model": found.model, "system_fingerprint": found.system_fingerprint}
    lineage: dict[str, JsonValue] = {name: value for name, value in said.items() if value}
    lineage["attempts"] = answer.attempts
    tokens = choice.logprobs.content if choice.logprobs is not None else None
    return ChatReply(raw, lineage, tokens or [], usage.prompt_tokens, answer.seconds)


def read_chat(
    answer: Answer, engine: Mapping[str, JsonValue], *, keep_truncated: bool
) -> Generation | ItemFailure:
    """Returns the caption or prompt that a model wrote, or why it is none.

    Args:
        answer: A successful response.
        engine: Lineage that is known beforehand.
        keep_truncated: Whether a text that was cut off counts as one.

    Raises:
        MalformedAnswerError: It is not a chat completion with a choice.
        ErrorInAnswerError: It holds an error of the provider, in spite of its HTTP status.
        BrokenOffError: The server broke the answer off.
    """
    reply = read_reply(answer)
    if isinstance(reply, ItemFailure):
        return reply
    caption = read_caption(reply.raw, keep_truncated=keep_truncated)
    if isinstance(caption, ItemFailure):
        return caption
    return Generation(
        caption.text,
        reply.raw.finish_reason,
        {**engine, **reply.lineage, **caption.left_out},
        reply.prompt_tokens,
        reply.raw.completion_tokens,
        reply.seconds,
    )


def _parts(content: str | list[dict[str, JsonValue]] | None) -> _Parts:
    """Returns what a message's content says; it may be a text, or a list of parts of any kind."""
    if not isinstance(content, list):
        return _Parts(content or "", "", "")
    said: list[str] = []
    thought: list[str] = []
    refused: list[str] = []
    for part in content:
        kind = part.get("type")
        if kind == "refusal":
            refused += _texts(part)
        elif kind in _THOUGHT_PARTS:
            thought += _texts(part)
        else:
            said += _texts(part)
    return _Parts("".join(said), "\n".join(thought), "".join(refused))


def _texts(value: JsonValue) -> Iterator[str]:
    """Yields the texts of a part, however deep it holds them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key in ("text", "thinking", "reasoning", "content", "summary", "refusal"):
            yield from _texts(value.get(key))
