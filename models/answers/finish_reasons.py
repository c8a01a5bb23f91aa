"""Why an answer ended: only reasons that are known to mean so make it a whole answer."""

import re
from enum import Enum, auto
from typing import Final


class Ending(Enum):
    """What a finish reason says of an answer."""

    WHOLE = auto()
    CUT_OFF = auto()
    FILTERED = auto()
    BROKEN_OFF = auto()
    """The server gave up on it; another attempt may go well."""
    UNKNOWN = auto()


_WHOLE: Final = frozenset({
    "stop", "eos", "eos_token", "end_turn", "end_of_turn", "stop_sequence", "stop_token",
    "stop_string", "stopped", "complete", "completed",
})  # fmt: skip
_CUT_OFF: Final = frozenset({
    "length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens",
    "max_length", "model_length", "token_limit", "context_length",
    "model_context_window_exceeded",
})  # fmt: skip
_FILTERED: Final = frozenset({
    "content_filter", "content_filtered", "safety", "image_safety", "recitation", "blocklist",
    "prohibited_content", "spii", "refusal", "sensitive", "guardrail_intervened", "moderation",
})  # fmt: skip
_BROKEN_OFF: Final = frozenset({
    "error", "abort", "aborted", "cancel", "cancelled", "canceled", "timeout",
    "insufficient_system_resource", "engine_error", "internal_error",
})  # fmt: skip
_ENDINGS: Final = (
    (_WHOLE, Ending.WHOLE),
    (_CUT_OFF, Ending.CUT_OFF),
    (_FILTERED, Ending.FILTERED),
    (_BROKEN_OFF, Ending.BROKEN_OFF),
)
_NOT_A_WORD: Final = re.compile(r"[\s_.-]+")


def ending_of(finish_reason: str | None) -> Ending:
    """Returns what a finish reason means, whatever its case; without one an answer is whole.

    Of two reasons with a colon between them, as in `content_filter: SAFETY`, the first counts.
    """
    if finish_reason is None or not finish_reason.strip():
        return Ending.WHOLE
    first = finish_reason.partition(":")[0].strip().lower()
    name = _NOT_A_WORD.sub("_", first).removeprefix("finish_reason_").removeprefix("finishreason_")
    return next((ending for names, ending in _ENDINGS if name in names), Ending.UNKNOWN)
