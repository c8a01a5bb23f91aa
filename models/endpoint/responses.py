"""What a response that is not a success means: for its request, for the server, for all.

Some providers send an error under HTTP status 200: it means what it would under its own status.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alignbench.models.endpoint.key import ApiKey
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.server_words import ServerWords, words_of
from alignbench.models.errors import EndpointRefusedError
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure

_UNAVAILABLE: Final = frozenset({502, 503, 504})
_TRY_AGAIN: Final = frozenset({408, 409, 425})


class Blame(StrEnum):
    """Whose fault a failed attempt is."""

    REQUEST = "request"
    """The server took this request and failed at it."""
    SERVER = "server"
    """The server was not there; the request's fault only if others were served meanwhile."""
    UNCLEAR = "unclear"
    """A refusal that does not say whom it means: the request, if others are served, or if it is
    too early to tell."""
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
    words = words_of(content, recipient.key)
    return _failure(
        status, wait_seconds, words, f"HTTP status {status}: {words.message}", recipient
    )


def failure_in_answer(
    content: bytes, wait_seconds: float, recipient: "Recipient"
) -> Exception | None:
    """Returns what an error under HTTP status 200 is, as `failure_of` does; None if it is none."""
    words = words_of(content, recipient.key)
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
    return 429 if words.speak_of_haste else _UNNAMED


def _failure(
    status: int, wait_seconds: float, words: ServerWords, said: str, recipient: "Recipient"
) -> Exception:
    if words.speak_of_filter and status in (400, 403, 422):
        code = ItemCode.ANSWER_REFUSED
        return ItemError(code.failure(f"The provider refused the request ({said})."))
    if status == 429 and words.speak_of_size:
        return _request_refused(said)
    if status == 429 and words.code != "insufficient_quota":
        failure = ItemCode.SERVER_FAILED.failure(f"The server is busy ({said}).")
        return AttemptError(failure, Blame.NOBODY, wait_seconds=wait_seconds)
    if status == 403 and words.code != "model_not_found" and not words.speak_of_all:
        failure = _request_refused(said).failure
        return AttemptError(failure, Blame.UNCLEAR, wait_seconds=wait_seconds, is_overload=False)
    if status in (401, 402, 403, 404, 405, 407, 429) or words.code == "model_not_found":
        return _refused(status, said, recipient)
    if 300 <= status < 400:
        return _refused(status, said, recipient)
    if status >= 500 or status in _TRY_AGAIN:
        blame = Blame.SERVER if status in _UNAVAILABLE else Blame.REQUEST
        failure = ItemCode.SERVER_FAILED.failure(f"The server failed ({said}).")
        return AttemptError(failure, blame, wait_seconds=wait_seconds)
    return _request_refused(said)


def _request_refused(said: str) -> ItemError:
    return ItemError(ItemCode.REQUEST_REFUSED.failure(f"The server refused the request ({said})."))


def malformed(reason: str, most_attempts: int) -> AttemptError:
    """Returns what an answer is that is not what its protocol says."""
    return AttemptError(
        ItemCode.ANSWER_MALFORMED.failure(f"The server's answer cannot be read: {reason}."),
        Blame.REQUEST,
        most_attempts=most_attempts,
        is_overload=False,
    )


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
