"""From a raw answer to a text that annotators may be shown."""

import json
import re
from dataclasses import replace
from typing import Final

from alignbench.models.answers.reading import ReadAnswer, read_answer
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure

MAX_CAPTION: Final = 20_000
"""Most code points of a caption: some 4,000 tokens, or 200 sentences."""

_CAPTION_KEYS: Final = (
    "caption", "description", "image_caption", "image_description", "detailed_caption",
    "detailed_description",
)  # fmt: skip
_KEYS: Final = (*_CAPTION_KEYS, "prompt", "answer", "response", "text", "output")
_FENCED: Final = re.compile(
    r"\s*(?P<lead_in>[^\n]{1,200}:\s*\n\s*)?(`{3,})(?:json)?[ \t]*\n(?P<inner>.*)\n[ \t]*\2\s*",
    re.DOTALL | re.IGNORECASE,
)
_MEANT_AS_JSON: Final = re.compile(r'\s*(?:```json\b|(?:```\s*)?\{\s*")', re.IGNORECASE)
_KEPT: Final = 1_000


def read_caption(
    raw: RawAnswer, *, keep_truncated: bool = False, most: int = MAX_CAPTION
) -> ReadAnswer | ItemFailure:
    """Returns the caption that an answer is, or why it is none.

    An answer that is a JSON object, fenced or not, is the text under its key `caption`,
    `description` or one like them; its other keys are kept as lineage. Other JSON is no caption.

    Args:
        raw: What the model wrote.
        keep_truncated: Whether a caption that was cut off counts.
        most: Most code points of a caption.
    """
    answer = read_answer(raw, keep_truncated=keep_truncated)
    if isinstance(answer, ReadAnswer):
        answer = _out_of_json(answer)
    if isinstance(answer, ItemFailure):
        return answer
    if len(answer.text) > most:
        return ItemCode.ANSWER_TOO_LONG.failure(
            f"The caption has {len(answer.text):,} characters; at most {most:,} are taken. "
            "Lower the model's token limit."
        )
    return answer


def _out_of_json(answer: ReadAnswer) -> ReadAnswer | ItemFailure:
    text = answer.text
    fenced = _FENCED.fullmatch(text)
    is_led_in = fenced is not None and fenced["lead_in"] is not None
    inner = (fenced["inner"] if fenced else text).strip()
    if inner[:1] not in ("{", "["):
        return answer
    try:
        value: JsonValue = json.loads(inner, strict=False)
    except (ValueError, RecursionError):
        return _no_caption(text) if _MEANT_AS_JSON.match(text) else answer
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        by_name = {_key_name(key): key for key in value}
        # Behind words of its own, JSON may as well be what a picture shows.
        for name in _CAPTION_KEYS if is_led_in else _KEYS:
            found = value.get(by_name.get(name, ""))
            if isinstance(found, str) and found.strip():
                rest = {key: other for key, other in value.items() if key != by_name[name]}
                left_out = {**answer.left_out, **_json_left_out(by_name[name], rest)}
                return replace(answer, text=found, left_out=left_out)
    return answer if is_led_in else _no_caption(text)


def _key_name(key: str) -> str:
    return re.sub(r"[\s-]+", "_", key.strip().lower())


def _json_left_out(key: str, rest: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not rest:
        return {"json_key": key}
    return {"json_key": key, "json_left_out": shorten(json.dumps(rest, ensure_ascii=False), _KEPT)}


def _no_caption(text: str) -> ItemFailure:
    return ItemCode.ANSWER_NOT_PROSE.failure(
        f"The answer is JSON without a caption in it: {shorten(text, 200)!r}. "
        "Ask for the caption as plain text."
    )
