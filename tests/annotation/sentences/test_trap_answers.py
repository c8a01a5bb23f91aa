"""From raw answers with every known trap to tasks: only sentences of the caption, nothing lost.

`trap_answers.jsonl` was written by hand: a raw answer, and the sentences that a careful reader
finds in its caption, or the failure that it is.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from alignbench.annotation.sentences.splitter import SentenceSplitter
from alignbench.models.answers.captions import read_caption
from alignbench.models.answers.reading import ReadAnswer
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

FILE = Path(__file__).with_name("trap_answers.jsonl")
TAGS = re.compile(
    r"<\|channel\|>(?:analysis|final)<\|message\|>|<\|channel>thought|analysis|assistantfinal"
    r"|Here is my (?:thought process|response):"
    r"|<[^<>]*>|<\|im_e\Z|◁[^▷]*▷|\[/?[A-Z]+\]|(?:### )?assistant|model",
    re.IGNORECASE,
)


class Trap(NamedTuple):
    raw: RawAnswer
    sentences: list[str]
    code: ItemCode | None


def _read(line: str) -> Trap:
    entry = json.loads(line)
    code = ItemCode[entry["code"]] if "code" in entry else None
    raw = RawAnswer(entry["raw"], entry.get("finish_reason", "stop"))
    return Trap(raw, entry.get("sentences", []), code)


TRAPS = [_read(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def _letters(text: str) -> Counter[str]:
    return Counter(char for char in text if char.isalnum())


def test_there_are_two_hundred_of_them() -> None:
    assert len(TRAPS) >= 200


@pytest.mark.parametrize("trap", TRAPS, ids=[repr(trap.raw.text)[:70] for trap in TRAPS])
def test_only_sentences_of_the_caption_become_tasks(splitter: SentenceSplitter, trap: Trap) -> None:
    caption = read_caption(trap.raw)
    if trap.code is not None:
        assert isinstance(caption, ItemFailure), caption
        assert caption.code == trap.code
        return
    assert isinstance(caption, ReadAnswer), caption
    [spans] = splitter.split([caption.text])
    assert [caption.text[start:end] for start, end in spans] == trap.sentences


@pytest.mark.parametrize(
    "trap",
    [trap for trap in TRAPS if trap.code is None and "{" not in trap.raw.text],
    ids=lambda trap: repr(trap.raw.text)[:70],
)
def test_every_letter_of_an_answer_is_in_a_sentence_a_dropped_range_or_lineage(
    splitter: SentenceSplitter, trap: Trap
) -> None:
    caption = read_caption(trap.raw)
    assert isinstance(caption, ReadAnswer), caption
    [split] = splitter.split_with_structure([caption.text])
    kept = "".join(caption.text[start:end] for start, end in split.sentences)
    dropped = "".join(caption.text[start:end] for start, end, _ in split.dropped)
    assert _letters(kept) + _letters(dropped) == _letters(caption.text)
    thought = str(caption.left_out.get("thought", ""))
    lost = _letters(trap.raw.text) - _letters(caption.text) - _letters(thought)
    tags = _letters("".join(TAGS.findall(trap.raw.text)))
    assert not lost - tags
