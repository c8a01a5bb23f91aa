"""A conversation with a model: earlier turns, a question, and what the model wrote.

A captioner's backend that can hold one (`ChatModel`) answers questions about images, writes
questions in other words, and judges answers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from alignbench.schemas.ids import JsonValue
from alignbench.schemas.protocols import CaptionInput, ItemFailure


class ChatRole(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class ChatTurn(NamedTuple):
    """What was said by whom."""

    role: ChatRole
    text: str


class ChatRequest(NamedTuple):
    """A conversation that a model is to go on with.

    Attributes:
        turns: In order; the last is the user's.
        image: Shown with the user's first turn; None for a conversation about no image.
        seed: Of the answer.
        reply_schema: The JSON Schema of the answer, for servers that can hold a model to one.
    """

    turns: tuple[ChatTurn, ...]
    image: CaptionInput | None
    seed: int
    reply_schema: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What a model wrote, before anything is made of it.

    Attributes:
        text: As it was written; special tokens may be in it.
        finish_reason: Why it ended, in the engine's words; None where the engine does not say.
        thought: What a server gave apart as the model's thoughts.
        begins_in_thought: Whether the prompt ended in the opening tag of a thought (see
            `models.answers.thoughts`), so that the text begins within one.
        special_tokens: Those of the model's tokenizer, where it is known.
        completion_tokens: Tokens of the answer, where they are counted.
    """

    text: str
    finish_reason: str | None = None
    thought: str = ""
    begins_in_thought: bool = False
    special_tokens: frozenset[str] = frozenset()
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What a model wrote in a conversation.

    Attributes:
        raw: As it was written.
        engine: Versions and settings that made it; lineage, not identity.
        prompt_tokens: Tokens of the request, where they are counted.
        seconds: Time it took, this item's share of its batch.
        keep_truncated: Whether its operator wants an answer that was cut off to be kept.
    """

    raw: RawAnswer
    engine: Mapping[str, JsonValue] = field(default_factory=dict)
    prompt_tokens: int | None = None
    seconds: float | None = None
    keep_truncated: bool = False


@runtime_checkable
class ChatModel(Protocol):
    """A captioner that holds a conversation, with an image or without."""

    def chat_stream(
        self, requests: Iterator[ChatRequest]
    ) -> Iterator[tuple[int, ChatAnswer | ItemFailure]]:
        """Yields what the model wrote, each with its request's place from 0, in any order.

        Args:
            requests: Read as far ahead as the engine needs, perhaps from another thread.
        """
        ...
