"""What a site says of the use of its images by machines, in the headers of its answer.

Honoured are the directives of `X-Robots-Tag` that dataset builders such as img2dataset honour, the
TDM Reservation Protocol (W3C Community Group report, section 5.3) and `Content-Usage` (IETF draft
aipref-attach). What stands in other files of a site, such as robots.txt, is not asked for.
"""

from collections.abc import Iterable
from typing import Final

OUR_NAME: Final = "alignbench"

_DIRECTIVES: Final = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
_WITH_VALUE: Final = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)
"""Directives in which a colon stands before a value, not behind the name of a robot."""

_AI_USES: Final = frozenset({"ai", "train-ai", "train-genai", "bots"})


def opt_out(headers: Iterable[tuple[str, str]]) -> str | None:
    """Returns the header by which a site reserves what it answers with; None if it does not."""
    for name, value in headers:
        match name.lower():
            case "x-robots-tag" if _robots_are_refused(value):
                return f"X-Robots-Tag: {value}"
            case "tdm-reservation" if value.strip() == "1":
                return "TDM-Reservation: 1"
            case "content-usage" if _use_is_refused(value):
                return f"Content-Usage: {value}"
    return None


def _robots_are_refused(value: str) -> bool:
    """Reads one header: directives separated by commas, for all robots or the one it names."""
    is_for_us = True
    for part in value.lower().split(","):
        robot, separator, directive = part.partition(":")
        if separator and robot.strip() not in _WITH_VALUE:
            is_for_us = robot.strip() in (OUR_NAME, "*")
        else:
            directive = part
        if is_for_us and directive.strip() in _DIRECTIVES:
            return True
    return False


def _use_is_refused(value: str) -> bool:
    uses = (part.partition("=") for part in value.lower().split(","))
    return any(name.strip() in _AI_USES and said.strip()[:1] == "n" for name, _, said in uses)
