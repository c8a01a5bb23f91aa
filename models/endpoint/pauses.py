"""How long to wait before a request is tried again."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_SHIFT = 32


def back_off(failures: int, first: float, longest: float) -> float:
    """Returns a pause in seconds after so many failures in a row (1 or more).

    Drawn evenly from zero to a bound that doubles, "full jitter": clients that failed together do
    not come back together.
    """
    bound = min(longest, first * 2.0 ** min(failures - 1, _LONGEST_SHIFT))
    return random.uniform(0.0, bound)  # noqa: S311 - nothing depends on it being unpredictable


def asked_for(retry_after: str | None, date: str | None = None) -> float:
    """Returns the seconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3).

    0 without a header, and for one that is neither a number of seconds nor a date, or is past.

    Args:
        retry_after: The header.
        date: The header `Date` of the same answer. A time to wait until is one of the server's
            clock; this machine's may be wrong, or be set meanwhile.
    """
    if not retry_after:
        return 0.0
    text = retry_after.strip()
    # Some servers give fractions, which the standard does not know.
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    until = _as_instant(text)
    if until is None:
        return 0.0
    now = _as_instant(date or "") or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _as_instant(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # Of the forms that the standard knows, asctime's names no zone.
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
