"""Tokens that steer a model and tags that wrap its answer: none of them is said to anybody.

At the beginning and the end of an answer they go. Inside it they mean that something is wrong: a
second turn, an image's place, a box. In quotation marks or code they are what a picture shows.
"""

import re
from collections import Counter
from functools import cache
from typing import Final, NamedTuple

from alignbench.models.answers.quotation import Quotations

_ROLES: Final = "assistant|model|user|system|human|gpt|bot|tool"
_TURNS: Final = (
    # A header is one token with the role's name in it: the name alone is a word like any other.
    rf"(?:<\|(?:im_start|start_header_id|header_start|start|turn)\|?>|<start_of_turn>)"
    rf"[ \t]*(?:{_ROLES})?[ \t]*(?:<\|(?:end_header_id|header_end|message)\|>)?",
    r"<\|channel\|>\s*\w+\s*<\|message\|>",
    rf"(?m:^)###[ \t]*(?:{_ROLES})[ \t]*:",
    r"(?m:^)(?-i:USER|HUMAN|ASSISTANT)[ \t]*:",
    r"\A\s*assistant[ \t]*(?::|\n)",
)
_TOKENS: Final = (
    r"<\|[^\s<>|][^<>|\n]{0,60}\|>",
    r"<｜[^<>｜\n]{1,60}｜>",
    r"<\|[a-z_]{1,30}>|<[a-z_]{1,30}\|>",
    r"<[|｜][\w▁]{0,30}\Z",
    r"</?s>|<(?:bos|eos|eot|eod|pad|unk|mask|sep|cls|sop|eop|nl)>",
    r"<(?:start|begin|end)_of_[a-z_]{1,30}>",
    r"<(?:image|img|video|audio)(?:_soft_token|_pad|_placeholder|_context|_\d{1,3})?>|</img>",
    r"<(?:fake_token_around_image|global-img|row_\d+_col_\d+|im_patch|im_start|im_end)>",
    r"<(?:unused_?|extra_id_|loc_?|seg_?|patch_index_|reserved_?)\d{1,5}>|<0x[0-9a-f]{2}>",
    r"</?(?:ref|box|quad|grounding|phrase|object|delimiter_of_multi_objects/?)>",
    r"(?-i:\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|gMASK|BOS|EOS|PAD|CLS|SEP|UNK|MASK|IMG|IMG_END|"
    r"IMG_BREAK|THINK)\])|<</?SYS>>",
    r"◁/?[a-z_]{1,30}▷",
)
_TAGS: Final = (
    r"</?(?:answer|final_answer|response|conclusion|think|thinking|thought|caption|description|"
    r"image_description|image_caption)>",
)
_KNOWN: Final = "|".join((*_TURNS, *_TOKENS, *_TAGS))
_SIGNS: Final = ("<", "[", "◁", "{", "|", "###", "USER", "HUMAN", "ASSISTANT")
"""One of which all tokens have: most captions have none, and need no closer look."""
_FEWEST: Final = 3


class Bare(NamedTuple):
    """A text without the control tokens at its ends.

    Attributes:
        text: What is left, white space trimmed where a token went.
        removed: The tokens that went, and how many of each.
        inside: The first token that is still in it; empty if none is.
    """

    text: str
    removed: dict[str, int]
    inside: str


def without_control_tokens(text: str, special: frozenset[str] = frozenset()) -> Bare:
    """Returns a text without the control tokens that lead and trail.

    Args:
        text: An answer without its thoughts.
        special: Special tokens of the model's tokenizer, beside those that are known here. What
            looks like an ordinary word is passed over: some tokenizers pad with `!`.
    """
    if not (_has_sign(text) or text[:40].lstrip().lower().startswith("assistant")):
        return Bare(text, {}, "")
    pattern = _pattern(special)
    quotations = Quotations(text)
    found = [m.span() for m in pattern.finditer(text) if not quotations.hold(*m.span())]
    first, last = 0, len(found)
    start, end = 0, len(text)
    while first < last and not text[start : found[first][0]].strip():
        start = found[first][1]
        first += 1
    while first < last and not text[found[last - 1][1] : end].strip():
        end = found[last - 1][0]
        last -= 1
    kept = text[start:end]
    kept = kept.lstrip() if start else kept
    kept = kept.rstrip() if end < len(text) else kept
    gone = found[:first] + found[last:]
    inside = text[slice(*found[first])].strip() if first < last else ""
    return Bare(kept, dict(Counter(text[a:b].strip() for a, b in gone)), inside)


def _has_sign(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


@cache
def _pattern(special: frozenset[str]) -> re.Pattern[str]:
    own = [t for t in special if len(t) >= _FEWEST and _has_sign(t)]
    # Longer ones first: one may be the beginning of another.
    listed = [re.escape(token) for token in sorted(own, key=lambda t: (-len(t), t))]
    return re.compile("|".join((_KNOWN, *listed)), re.IGNORECASE)
