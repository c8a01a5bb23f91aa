"""Chat completions: what is sent, and what an answer means."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, JsonValue, ValidationError, model_validator

from alignbench.models.endpoint.client import Answer
from alignbench.models.endpoint.options import refusal
from alignbench.models.endpoint.pictures import Picture
from alignbench.models.endpoint.responses import MalformedAnswerError
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import Generation, ItemFailure, Options
from alignbench.schemas.vocabulary import FailureKind

PATH: Final = "chat/completions"

_OURS: Final = frozenset({"model", "messages", "n", "seed", "stream"})
_SEED_BITS: Final = 31
"""The seeds that every server takes; some read a number as 32 bits, some as a double."""

Message = Mapping[str, object]


class ChatParams(Options):
    """What is sent beside model and messages. What is not set is not sent.

    Attributes:
        max_tokens: Most tokens of an answer, as most servers call it.
        max_completion_tokens: The same, as OpenAI's newer models call it.
        temperature: Of sampling.
        top_p: Of nucleus sampling.
        extra: Further keys of the request, as they are.
    """

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_things_once(self) -> Self:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise refusal("both max_tokens and max_completion_tokens are set", "Keep one.")
        check_extra(self.extra, _OURS | (set(ChatParams.model_fields) - {"extra"}))
        return self

    def body(self) -> dict[str, JsonValue]:
        """Returns the keys to be sent."""
        named = self.model_dump(mode="json", exclude_unset=True, exclude={"extra"})
        return named | self.extra


def check_extra(extra: Mapping[str, JsonValue], taken: frozenset[str] | set[str]) -> None:
    """Checks that further keys do not say what has a place of its own."""
    for key in extra:
        if key in taken:
            raise refusal(
                f"extra.{key} is set elsewhere",
                "Use the option or parameter of that name; whether seeds are sent is send_seed.",
            )


def sent_seed(seed: int) -> int:
    """Returns the part of an item's seed that is sent."""
    return seed % (1 << _SEED_BITS)


def image_message(picture: Picture, text: str | None) -> Message:
    """Returns what a user says: an image and, if there is any, a text after it."""
    parts: list[dict[str, object]] = [{"type": "image_url", "image_url": {"url": picture.url}}]
    if text is not None:
        parts.append({"type": "text", "text": text})
    return {"role": "user", "content": parts}


def chat_body(
    model: str, messages: Sequence[Message], params: ChatParams, seed: int | None
) -> bytes:
    """Returns a request as JSON; `seed` is the item's, None to send none."""
    seeded = {} if seed is None else {"seed": sent_seed(seed)}
    body = {"model": model, "messages": messages} | params.body() | seeded
    return json.dumps(body).encode()


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    model: str | None = None
    system_fingerprint: str | None = None
    usage: _Usage | None = None


def read_chat(
    answer: Answer, engine: Mapping[str, JsonValue], *, keep_truncated: bool
) -> Generation | ItemFailure:
    """Returns what the model wrote, or why that is no text to be used.

    Args:
        answer: A successful response.
        engine: Lineage that is known beforehand.
        keep_truncated: Whether a text that was cut off counts as one.

    Raises:
        MalformedAnswerError: It is not a chat completion with a choice.
    """
    try:
        found = _Completion.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise MalformedAnswerError(f"{place}: {first['msg']}") from None
    choice, usage = found.choices[0], found.usage or _Usage()
    failure = _no_text(choice, usage, keep_truncated=keep_truncated)
    if failure is not None:
        return failure
    said = {"model": found.model, "system_fingerprint": found.system_fingerprint}
    return Generation(
        choice.message.text,
        choice.finish_reason,
        {
            **engine,
            **{name: value for name, value in said.items() if value is not None},
            "attempts": answer.attempts,
        },
        usage.prompt_tokens,
        usage.completion_tokens,
        answer.seconds,
    )


def _no_text(choice: _Choice, usage: _Usage, *, keep_truncated: bool) -> ItemFailure | None:
    if choice.message.refusal:
        said = shorten(choice.message.refusal, 300)
        return ItemCode.ANSWER_REFUSED.failure(f"The model refused: {said}")
    if choice.finish_reason == "content_filter":
        return ItemCode.ANSWER_FILTERED.failure("A content filter stopped the answer.")
    if choice.finish_reason == "length" and not keep_truncated:
        tokens = usage.completion_tokens
        after = "" if tokens is None else f" after {tokens:,} tokens"
        return ItemCode.ANSWER_TRUNCATED.failure(
            f"The answer was cut off{after}: raise its token limit, or set keep_truncated."
        )
    if not choice.message.text.strip():
        reason = choice.finish_reason or "unknown"
        return ItemCode.ANSWER_EMPTY.failure(
            f"The answer has no text (finish reason: {reason}).", FailureKind.EMPTY
        )
    return None
