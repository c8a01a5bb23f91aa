"""Chat completions: what is sent."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Self

from pydantic import Field, JsonValue, model_validator

from alignbench.models.endpoint.options import refusal
from alignbench.models.endpoint.pictures import Picture
from alignbench.models.endpoint.request import Request, text_bytes
from alignbench.schemas.chat import ChatRole, ChatTurn
from alignbench.schemas.protocols import Options

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
        chat_template_kwargs: What the server's chat template is given, such as
            `{ enable_thinking = false }`; for vLLM, SGLang and others that take it.
        extra: Further keys of the request, as they are.
    """

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    chat_template_kwargs: Annotated[dict[str, JsonValue], Field(min_length=1)] | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_things_once(self) -> Self:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise refusal("both max_tokens and max_completion_tokens are set", "Keep one.")
        taken = _OURS | (set(ChatParams.model_fields) - {"extra"})
        if self.chat_template_kwargs is None:
            # Generators that were configured before it had a place of its own keep their ids.
            taken -= {"chat_template_kwargs"}
        check_extra(self.extra, taken)
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


def chat_messages(turns: Sequence[ChatTurn], picture: Picture | None) -> list[Message]:
    """Returns a conversation as messages, the image before the user's first words."""
    messages: list[Message] = []
    for role, text in turns:
        if picture is not None and role is ChatRole.USER:
            messages.append(image_message(picture, text))
            picture = None
        else:
            messages.append({"role": role.value, "content": text})
    return messages


def chat_request(
    model: str,
    messages: Sequence[Message],
    params: ChatParams,
    seed: int | None,
    reply_schema: Mapping[str, object] | None = None,
) -> Request:
    """Returns a request.

    Args:
        model: As the server calls it.
        messages: What was said.
        params: What is sent beside; what it says of the answer's format goes before the schema.
        seed: The item's; None to send none.
        reply_schema: What the server is to hold the model to.
    """
    seeded = {} if seed is None else {"seed": sent_seed(seed)}
    held = {} if reply_schema is None else {"response_format": _format(reply_schema)}
    body = {"model": model, "messages": messages} | held | params.body() | seeded
    said = [message["content"] for message in messages]
    parts = [part for content in said if isinstance(content, list) for part in content]
    return Request(
        json.dumps(body).encode(),
        text_bytes(
            [content for content in said if isinstance(content, str)]
            + [part["text"] for part in parts if "text" in part]
            + [json.dumps(params.chat_template_kwargs or {}), json.dumps(held)]
        ),
        sum("image_url" in part for part in parts),
        params.max_tokens or params.max_completion_tokens,
    )


def _format(schema: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }
