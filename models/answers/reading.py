"""What a model says, without what it thought, wrapped it in and steered itself by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from alignbench.models.answers.control_tokens import without_control_tokens
from alignbench.models.answers.finish_reasons import Ending, ending_of
from alignbench.models.answers.thoughts import without_thoughts
from alignbench.models.answers.wrappers import unwrapped
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import FailureKind

MAX_RAW: Final = 1 << 19
"""Most code points of an answer with its thoughts."""

_KEPT_THOUGHT: Final = 4_000
"""Code points of a thought that lineage keeps: its beginning and its end."""
_KEPT_TOKENS: Final = 10
_QUOTED: Final = 200


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What a model says.

    Attributes:
        text: Never empty, and without control tokens but those that it quotes.
        is_whole: Whether the model came to its end; if not, the text may stop anywhere.
        left_out: What was in the raw answer beside it, bounded in size: lineage.
    """

    text: str
    is_whole: bool = True
    left_out: Mapping[str, JsonValue] = field(default_factory=dict)


def read_answer(
    raw: RawAnswer, *, keep_truncated: bool = False, boxes: bool = False
) -> ReadAnswer | ItemFailure:
    """Returns what a model says, or why that is nothing to be used.

    Args:
        raw: What it wrote.
        keep_truncated: Whether an answer that was cut off counts. One that was cut off within a
            thought never does.
        boxes: Whether what stands in GLM's box is the answer; else only where it is all of it.
    """
    ending = ending_of(raw.finish_reason)
    if ending is Ending.BROKEN_OFF:
        return broken_off(raw)
    if ending is Ending.FILTERED:
        return ItemCode.ANSWER_FILTERED.failure(
            f"A content filter stopped the answer ({shorten(str(raw.finish_reason), 80)})."
        )
    if len(raw.text) > MAX_RAW:
        return ItemCode.ANSWER_TOO_LONG.failure(
            f"The answer has {len(raw.text):,} characters; at most {MAX_RAW:,} are read."
        )
    plain = without_thoughts(raw.text, begins_in_thought=raw.begins_in_thought)
    answer = unwrapped(plain.text, boxes=boxes)
    bare = without_control_tokens(answer.text, raw.special_tokens)
    is_only_thought = not plain.is_closed or not (raw.text.strip() or not raw.thought.strip())
    if is_only_thought:
        return ItemCode.ANSWER_TRUNCATED.failure(
            f"The answer ended within the model's thought{_after(raw)}: allow more tokens, or have "
            "the model not think (chat_template_kwargs)."
        )
    if ending is Ending.CUT_OFF and not keep_truncated:
        return ItemCode.ANSWER_TRUNCATED.failure(
            f"The answer was cut off{_after(raw)}: {shorten(bare.text[-80:])!r}. Raise its token "
            "limit, or set keep_truncated."
        )
    if not bare.text.strip():
        return _empty(raw)
    if ending is Ending.UNKNOWN:
        return ItemCode.ANSWER_UNFINISHED.failure(
            f"The answer ended for a reason that is not known to mean that it is whole "
            f"({shorten(str(raw.finish_reason), 80)!r}): {shorten(bare.text[-80:])!r}."
        )
    if bare.inside:
        return ItemCode.CONTROL_TOKEN.failure(
            f"The answer has the control token {shorten(bare.inside, 80)!r} inside it: "
            f"{shorten(bare.text, _QUOTED)!r}."
        )
    thoughts = (raw.thought, plain.thought, answer.outside)
    thought = "\n".join(piece.strip() for piece in thoughts if piece.strip())
    left_out = _left_out(thought, answer.wrapper, bare.removed)
    return ReadAnswer(bare.text, ending is not Ending.CUT_OFF, left_out)


def broken_off(raw: RawAnswer) -> ItemFailure:
    """Returns the failure of an answer that its server did not bring to an end."""
    return ItemCode.ANSWER_UNFINISHED.failure(
        f"The server broke the answer off (finish reason: {shorten(str(raw.finish_reason), 80)}): "
        f"{shorten(raw.text[-80:])!r}."
    )


def _empty(raw: RawAnswer) -> ItemFailure:
    reason = shorten(raw.finish_reason or "unknown", 80)
    beside = " beside its thought" if raw.thought.strip() or raw.text.strip() else ""
    return ItemCode.ANSWER_EMPTY.failure(
        f"The answer has no text{beside} (finish reason: {reason}).", FailureKind.EMPTY
    )


def _after(raw: RawAnswer) -> str:
    return "" if raw.completion_tokens is None else f" after {raw.completion_tokens:,} tokens"


def _left_out(thought: str, wrapper: str, removed: Mapping[str, int]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    if thought:
        found["thought"] = shorten(thought, _KEPT_THOUGHT)
        found["thought_characters"] = len(thought)
    if wrapper:
        found["wrapper"] = wrapper
    if removed:
        kept = sorted(removed.items(), key=lambda item: -item[1])[:_KEPT_TOKENS]
        found["control_tokens"] = dict(kept)
        found["control_tokens_removed"] = sum(removed.values())
    return found
