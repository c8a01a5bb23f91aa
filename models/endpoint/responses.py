"""What an HTTP response that is not a success means: for its request, for the server, for all."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alignbench.models.endpoint.key import ApiKey
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pauses import asked_for
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


class MalformedAnswerError(Exception):
    """A successful response holds something other than its protocol says; the text says what."""


@dataclass(frozen=True, slots=True)
class ServerWords:
    """What a response says about its failure, without keys and of bounded length."""

    code: str
    message: str

    @property
    def speak_of_filter(self) -> bool:
        """Whether the request was stopped because of what it is about."""
        said = f"{self.code} {self.message}".lower()
        return any(word in said for word in _FILTERED)


def failure_of(
    status: int,
    retry_after: str | None,
    content: bytes,
    recipient: "Recipient",
) -> Exception:
    """Returns what a status other than 200 is.

    Returns:
        `ItemError` for a bad request, `AttemptError` for what may pass, `EndpointRefusedError` for
        what would be the same for every request.
    """
    words = _words(content, recipient.key)
    said = f"HTTP status {status}: {words.message}"
    if words.speak_of_filter and status in (400, 403, 422):
        code = ItemCode.ANSWER_REFUSED
        return ItemError(code.failure(f"The provider refused the request ({said})."))
    if status == 429 and words.code != "insufficient_quota":
        failure = ItemCode.SERVER_FAILED.failure(f"The server is busy ({said}).")
        return AttemptError(failure, Blame.NOBODY, wait_seconds=asked_for(retry_after))
    if status in (401, 402, 403, 404, 405, 407, 429) or words.code == "model_not_found":
        return _refused(status, words, recipient)
    if 300 <= status < 400:
        return _refused(status, words, recipient)
    if status >= 500 or status in _TRY_AGAIN:
        blame = Blame.SERVER if status in _UNAVAILABLE else Blame.REQUEST
        failure = ItemCode.SERVER_FAILED.failure(f"The server failed ({said}).")
        return AttemptError(failure, blame, wait_seconds=asked_for(retry_after))
    return ItemError(ItemCode.REQUEST_REFUSED.failure(f"The server refused the request ({said})."))


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who requests go to: the server, the key and the model, for messages."""

    options: EndpointOptions
    key: ApiKey
    model: str


def _refused(status: int, words: ServerWords, recipient: Recipient) -> EndpointRefusedError:
    address, variable = recipient.options.base_url, recipient.options.api_key_env
    said = f"HTTP status {status}: {words.message}"
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
    code, message = "", content[:4096].decode("utf-8", "replace")
    try:
        body: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        error = body.get("error", body)
        if isinstance(error, dict):
            code = str(error.get("code") or error.get("type") or "")
            found = error.get("message") or error.get("detail")
            message = str(found) if found else message
        elif isinstance(error, str):
            message = error
    shown = " ".join(key.hidden_in(message).split())
    return ServerWords(code, shorten(shown, _MESSAGE_LENGTH) or "no reason given")
