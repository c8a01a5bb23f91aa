"""Texts of others in a prompt: between lines with a mark that none of them can write.

The mark is a hash over all that stands between such lines, so that no text can hold the mark it
will be given: whoever wants to close the lines would have to write a text that contains its own
hash. Tokens that end or begin a turn for some model's chat template are broken up, since a server
may read them out of any text.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from alignbench.schemas.ids import JsonValue, canonical_json, sha256_hex

_TURN_TOKENS: Final = re.compile(
    r"<(?=[|｜])|(?<=[|｜])>|<(?=/?s>|</?SYS>"
    r"|(?:bos|eos|(?:bos|eos|sep)_token|eo[ahm]|(?:start|end)_of_turn|end_of_utterance"
    r"|extra_id_\d+|reserved_\d+)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS)\])",
    re.IGNORECASE,
)
_MARK_LENGTH: Final = 20


class MarkedText(NamedTuple):
    """Texts between marked lines.

    Attributes:
        text: All of them.
        broken_tokens: How many turn tokens were broken up.
    """

    text: str
    broken_tokens: int


def mark_of(texts: JsonValue) -> str:
    """Returns the mark for texts of others."""
    everything = canonical_json(texts)
    mark = sha256_hex(everything.encode())[:_MARK_LENGTH]
    while mark in everything:
        mark = sha256_hex(mark.encode())[:_MARK_LENGTH]
    return mark


def marked_text(mark: str, parts: Sequence[tuple[str, str]], begin: str, end: str) -> MarkedText:
    """Returns texts, each with its title on the marked lines around it.

    Args:
        mark: Of `mark_of` over all that others wrote.
        parts: Titles, which are ours, and texts, which are others'.
        begin: How a text's first line ends.
        end: How its last line ends.
    """
    blocks, broken = [], 0
    for title, text in parts:
        inert, count = _TURN_TOKENS.subn(lambda token: f"{token[0]} ", text)
        broken += count
        blocks.append(f"[{mark}] {title}: {begin}\n{inert}\n[{mark}] {title}: {end}")
    return MarkedText("\n\n".join(blocks), broken)
