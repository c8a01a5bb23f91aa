"""What a server says about a failure, and what its words are about."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alignbench.models.endpoint.key import ApiKey
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import shorten

_MESSAGE_LENGTH: Final = 300
_SEARCHED: Final = 4096
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
_BUSY: Final = ("rate_limit", "rate limit", "ratelimit", "too_many_requests", "too many requests",
                "resource_exhausted", "throttl", "overloaded")  # fmt: skip
"""Words for a busy server, where a code is no number."""
_TOO_LARGE: Final = ("request too large", "request is too large", "must be reduced",
                     "reduce your message size", "exceeds the maximum usage size")  # fmt: skip
"""Words under status 429 for a request that alone is beyond what may be asked in a minute."""
_LIMIT_AND_REQUESTED: Final = re.compile(r"\blimit:?\s*([\d,]+).{0,200}?\brequested:?\s*([\d,]+)")
_MEANS_ALL: Final = re.compile(
    r"\bkeys?\b|_key|\btoken\b|\bmodel|permission|billing|account|organi[sz]ation|project|credential"
    r"|credit|quota|subscription|country|region|territory|unauthenti|unauthori[sz]ed|\blicen[cs]e"
)
"""Words under status 403 for what is the same for every request."""
_ERROR_KEYS: Final = ("error", "errors", "prompt_feedback", "promptFeedback")
_CODE_KEYS: Final = ("code", "status_code", "status", "type", "block_reason", "blockReason")
_MESSAGE_KEYS: Final = ("message", "detail", "msg", "error_msg", "error_message")


@dataclass(frozen=True, slots=True)
class ServerWords:
    """What a response says about its failure.

    Attributes:
        code: The provider's, or none.
        message: Without keys and of bounded length.
        is_error: Whether it is an error as the protocol words one.
        spoken: Code and message whole and in small letters, to be searched, never to be shown.
    """

    code: str
    message: str
    is_error: bool
    spoken: str

    @property
    def speak_of_filter(self) -> bool:
        """Whether the request was stopped because of what it is about."""
        return any(word in self.spoken for word in _FILTERED)

    @property
    def speak_of_haste(self) -> bool:
        """Whether there are too many requests."""
        return any(word in self.spoken for word in _BUSY)

    @property
    def speak_of_size(self) -> bool:
        """Whether the request alone is larger than the server's limit, however long it waits."""
        numbers = _LIMIT_AND_REQUESTED.search(self.spoken)
        if numbers is not None:
            limit, requested = (int(number.replace(",", "") or 0) for number in numbers.groups())
            return requested > limit
        return any(word in self.spoken for word in _TOO_LARGE)

    @property
    def speak_of_all(self) -> bool:
        """Whether key, model or account are what is refused; a page of a firewall's does not say.

        An API says it in an error; a small server perhaps in a line of text.
        """
        is_page = not self.is_error and self.spoken.lstrip("\ufeff \r\n\t").startswith("<")
        return not is_page and _MEANS_ALL.search(self.spoken) is not None


def words_of(content: bytes, key: ApiKey) -> ServerWords:
    """Returns what a body says about a failure; the key and what looks like one are left out."""
    code, message, is_error = "", content[:_SEARCHED].decode("utf-8", "replace"), False
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
    spoken = f"{code} {message}"[:_SEARCHED].lower()
    return ServerWords(code, shorten(shown, _MESSAGE_LENGTH) or "no reason given", is_error, spoken)


def _first(values: Mapping[str, JsonValue], keys: Sequence[str]) -> JsonValue:
    return next((values[key] for key in keys if values.get(key)), None)
