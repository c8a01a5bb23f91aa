"""What a response that is not a success means: for its request, for the server, for all.

Some providers send an error under HTTP status 200: it means what it would under its own status.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alignbench.models.endpoint.key import ApiKey
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.errors import EndpointRefusedError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode, ItemError, shorten
from alignbench.schemas.protocols import ItemFailure

_MESSAGE_LENGTH: Final = 300
_UNAVAILABLE: Final = frozenset({502, 503, 504})
_TRY_AGAIN: Final = frozenset({408, 409, 425})
_FILTERED: Final = (
    "moderation_blocked",
    "content_policy_violation",
    "content_filter",
    "responsibleaipolicyviolation",
    "safety system",
    "content policy",
    "content management policy",
    "prohibited_content",
    "block_reason",
    "blockreason",
    "input was flagged",
)
"""Words by which providers say, under status 400 or 403, that a request is against their rules."""


class Blame(StrEnum):
    """Whose fault a failed attempt is."""

    REQUEST = "request"
    """The server took this request and failed at it."""
    SERVER = "server"
    """The server was not there; the request's fault only if others were served meanwhile."""
    NOBODY = "nobody"
    """Too many requests: this one only has to wait."""


class AttemptError(Exception):
    """A failed attempt that may succeed later.

    Attributes:
        failure: What becomes of the item if it never does.
        blame: Whose fault it is.
        wait_seconds: How long the server asked to be left alone.
        most_attempts: How often a request may end so, whatever the options allow.
        is_overload: Whether fewer requests in flight may help.
    """

    def __init__(
        self,
        failure: ItemFailure,
        blame: Blame,
        *,
        wait_seconds: float = 0.0,
        most_attempts: int = 1000,
        is_overload: bool = True,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.blame = blame
        self.wait_seconds = wait_seconds
        self.most_attempts = most_attempts
        self.is_overload = is_overload


_BUSY: Final = ("rate_limit", "rate limit", "ratelimit", "too_many_requests", "too many requests",
                "resource_exhausted", "throttl", "overloaded")  # fmt: skip
"""Words for a busy server, where a code is no number."""
_NAMED_STATUS: Final = {
    "insufficient_quota": 429,
    "model_not_found": 404,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "bad_request": 400,
    "permission_denied": 403,
    "unauthenticated": 401,
    "unavailable": 503,
}
_UNNAMED: Final = 500
_ERROR_KEYS: Final = ("error", "errors", "prompt_feedback", "promptFeedback")
_CODE_KEYS: Final = ("code", "status_code", "status", "type", "block_reason", "blockReason")
_MESSAGE_KEYS: Final = ("message", "detail", "msg", "error_msg", "error_message")


class MalformedAnswerError(Exception):
    """A successful response holds something other than its protocol says; the text says what."""


class ErrorInAnswerError(Exception):
    """A response of status 200 holds no answer, but perhaps what went wrong.

    Attributes:
        content: The JSON that says it.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__("no answer in it")
        self.content = content


class BrokenOffError(Exception):
    """A server gave a part of an answer and then gave up.

    Attributes:
        failure: What becomes of the item if it happens again and again.
    """

    def __init__(self, failure: ItemFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class ServerWords:
    """What a response says about its failure, without keys and of bounded length."""

    code: str
    message: str
    is_error: bool

    @property
    def speak_of_filter(self) -> bool:
        """Whether the request was stopped because of what it is about."""
        said = f"{self.code} {self.message}".lower()
        return any(word in said for word in _FILTERED)


def failure_of(
    status: int,
    wait_seconds: float,
    content: bytes,
    recipient: "Recipient",
) -> Exception:
    """Returns what a status other than 200 is.

    Returns:
        `ItemError` for a bad request, `AttemptError` for what may pass, `EndpointRefusedError` for
        what would be the same for every request.
    """
    words = _words(content, recipient.key)
    return _failure(
        status, wait_seconds, words, f"HTTP status {status}: {words.message}", recipient
    )


def failure_in_answer(
    content: bytes, wait_seconds: float, recipient: "Recipient"
) -> Exception | None:
    """Returns what an error under HTTP status 200 is, as `failure_of` does; None if it is none."""
    words = _words(content, recipient.key)
    if not words.is_error:
        return None
    name = f", code {words.code}" if words.code else ""
    said = f"HTTP status 200{name}: {words.message}"
    if words.speak_of_filter:
        code = ItemCode.ANSWER_REFUSED
        return ItemError(code.failure(f"The provider refused the request ({said})."))
    return _failure(_meant_status(words), wait_seconds, words, said, recipient)


def _meant_status(words: ServerWords) -> int:
    """Returns the HTTP status that an error under status 200 should have had."""
    if words.code.isdecimal() and words.code.isascii() and 400 <= int(words.code[:4]) < 600:
        return int(words.code[:4])
    if words.code.lower() in _NAMED_STATUS:
        return _NAMED_STATUS[words.code.lower()]
    spoken = f"{words.code} {words.message}".lower()
    return 429 if any(word in spoken for word in _BUSY) else _UNNAMED


def _failure(
    status: int, wait_seconds: float, words: ServerWords, said: str, recipient: "Recipient"
) -> Exception:
    if words.speak_of_filter and status in (400, 403, 422):
        code = ItemCode.ANSWER_REFUSED
        return ItemError(code.failure(f"The provider refused the request ({said})."))
    if status == 429 and words.code != "insufficient_quota":
        failure = ItemCode.SERVER_FAILED.failure(f"The server is busy ({said}).")
        return AttemptError(failure, Blame.NOBODY, wait_seconds=wait_seconds)
    if status in (401, 402, 403, 404, 405, 407, 429) or words.code == "model_not_found":
        return _refused(status, said, recipient)
    if 300 <= status < 400:
        return _refused(status, said, recipient)
    if status >= 500 or status in _TRY_AGAIN:
        blame = Blame.SERVER if status in _UNAVAILABLE else Blame.REQUEST
        failure = ItemCode.SERVER_FAILED.failure(f"The server failed ({said}).")
        return AttemptError(failure, blame, wait_seconds=wait_seconds)
    return ItemError(ItemCode.REQUEST_REFUSED.failure(f"The server refused the request ({said})."))


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who requests go to: the server, the key and the model, for messages."""

    options: EndpointOptions
    key: ApiKey
    model: str


def _refused(status: int, said: str, recipient: Recipient) -> EndpointRefusedError:
    address, variable = recipient.options.base_url, recipient.options.api_key_env
    if status == 401:  # providers repeat the key here, with some letters starred out
        return EndpointRefusedError(
            f"{address} does not accept the key in {variable} (HTTP status 401).",
            f"Set the environment variable {variable} to a valid key for that server.",
        )
    if status in (402, 429):
        return EndpointRefusedError(
            f"The account of the key in {variable} is out of credit at {address} ({said}).",
            "Top it up or raise its limit, then run the same command again.",
        )
    if status in (403, 407):
        return EndpointRefusedError(
            f"{address} forbids the key in {variable} to use {recipient.model!r} ({said}).",
            f"Ask for access, or set {variable} to a key that has it.",
        )
    if 300 <= status < 400:
        return EndpointRefusedError(
            f"{address} only redirects (HTTP status {status}); keys are not sent elsewhere.",
            "Set base_url to where it leads.",
        )
    return EndpointRefusedError(
        f"{address} has no model {recipient.model!r}, or is not the address of its API ({said}).",
        "Set `repo` to a name that the server lists under /models, and check base_url.",
    )


def _words(content: bytes, key: ApiKey) -> ServerWords:
    code, message, is_error = "", content[:4096].decode("utf-8", "replace"), False
    try:
        body: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, list) and len(body) == 1:  # as Gemini words it
        body = body[0]
    if isinstance(body, dict):
        error = _first(body, _ERROR_KEYS) or body
        if isinstance(error, list) and error:
            error = error[0]
        if isinstance(error, dict):
            code = str(_first(error, _CODE_KEYS) or "")
            found = _first(error, _MESSAGE_KEYS)
            message = str(found) if found else message
            is_error = bool(found) or error is not body
        elif error:
            message, is_error = str(error), True
            code = str(_first(body, _CODE_KEYS) or "")
    shown = " ".join(key.hidden_in(message).split())
    return ServerWords(code, shorten(shown, _MESSAGE_LENGTH) or "no reason given", is_error)


def _first(values: Mapping[str, JsonValue], keys: Sequence[str]) -> JsonValue:
    return next((values[key] for key in keys if values.get(key)), None)
