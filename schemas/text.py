"""The one cleaning that text gets, at the moment it is generated; after it, text never changes."""

import re
from typing import NamedTuple

# C0 controls except tab (09) and line feed (0A), DEL, and surrogates, which UTF-8 cannot carry.
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class CleanText(NamedTuple):
    """A text that every table, server and file of the road can hold, and what it cost."""

    text: str
    removed: int
    """Code points that were taken out; a CRLF that became LF is not counted."""


def clean_text(raw: str) -> CleanText:
    """Makes a generated text storable without touching anything a reader would see.

    CRLF and a lone CR become LF. NUL, the other C0 controls but tab and LF, DEL and lone surrogates
    are removed. Characters are not normalised (NFC and NFD stay what they were) and white space is
    not trimmed, so that offsets keep meaning what the model wrote.
    """
    if raw.isprintable():  # then there is no control and no surrogate in it
        return CleanText(raw, 0)
    lines = raw.replace("\r\n", "\n").replace("\r", "\n")
    text, removed = _UNSTORABLE.subn("", lines)
    return CleanText(text, removed)
