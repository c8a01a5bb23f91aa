"""What a model thinks before it answers, in the tags of the models that write such thoughts."""

import re
from typing import Final, NamedTuple

from alignbench.models.answers.quotation import Quotations

_NAMES: Final = (
    "think|thinking|thought|thoughts|reasoning|reason|reflection|analysis|scratchpad|seed:think|"
    "longcat_think|begin_of_thought"
)
_TAGS: Final = (
    # Qwen, GLM, DeepSeek, InternVL and most others; Seed; LongCat
    (rf"<(?P<name>{_NAMES})(?:\s[^<>]{{0,40}})?>", rf"</(?P<end>{_NAMES})\s*>"),
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    (r"\[THINK\]", r"\[/THINK\]"),  # Magistral
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Command A
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),  # Apertus
    (r"<\|channel>thought", r"<channel\|>"),  # Gemma
    # gpt-oss, with its tokens and as it reads once they were dropped
    (r"<\|channel\|>\s*(?:analysis|commentary)\b[^<]{0,80}<\|message\|>", r"<\|(?:end|call)\|>"),
    (r"\Aanalysis(?=[A-Z])", r"assistantfinal(?=\S)"),
    # Granite
    (r"\A\s*Here(?:'s| is) my thought process:", r"Here(?:'s| is) my response:"),
)  # fmt: skip
_NEEDS_OPENING: Final = frozenset({7, 8, 9})
"""Kinds whose end says nothing where no thought was opened."""
_TAG: Final = re.compile(
    "|".join(f"(?P<o{n}>{opens})|(?P<c{n}>{closes})" for n, (opens, closes) in enumerate(_TAGS)),
    re.IGNORECASE,
)
_OPEN_AT_END: Final = re.compile(rf"(?:{'|'.join(opens for opens, _ in _TAGS)})\s*\Z", re.I)


_SIGNS: Final = ("<", "[", "◁")
_BEGINNINGS: Final = ("here", "analysis")


class Unthought(NamedTuple):
    """A text without the thoughts in it.

    Attributes:
        text: What is left, white space trimmed where a thought stood at an end.
        thought: The thoughts, one after another.
        is_closed: Whether the last thought ended; if not, `text` is what stood before it.
    """

    text: str
    thought: str
    is_closed: bool


def ends_in_open_thought(prompt: str) -> bool:
    """Tells whether a prompt ends in a thought's opening tag, so that an answer begins within."""
    return _OPEN_AT_END.search(prompt[-200:]) is not None


def without_thoughts(text: str, *, begins_in_thought: bool = False) -> Unthought:
    """Returns a text without its thoughts.

    A thought ends at its first closing tag. A closing tag that nothing opened ends a thought that
    began with the text, as servers give it whose prompt ends in the opening tag. Tags in quotation
    marks or code are part of what is said.
    """
    if not (begins_in_thought or _may_think(text)):
        return Unthought(text, "", is_closed=True)
    scan = _Scan(text, begins_in_thought=begins_in_thought)
    quotations = Quotations(text)
    for tag in _TAG.finditer(text):
        name = tag.lastgroup or ""
        kind, is_opening = int(name[1:]), name.startswith("o")
        if scan.in_thought:
            # A thought may well leave a code fence open.
            if not quotations.mark(*tag.span()):
                scan.read_inside(tag, kind, is_opening=is_opening)
        elif not quotations.hold(*tag.span()):
            scan.read_outside(tag, kind, is_opening=is_opening)
    return scan.result()


def _may_think(text: str) -> bool:
    """Tells whether a tag can be in a text: most captions have none, and need no closer look."""
    return any(sign in text for sign in _SIGNS) or text[:40].lstrip().lower().startswith(
        _BEGINNINGS
    )


class _Scan:
    """Where a scan over the tags of a text has got to."""

    def __init__(self, text: str, *, begins_in_thought: bool) -> None:
        self._text = text
        self._at = 0
        self._said: list[str] = []
        self._thought: list[str] = []
        self._opened: tuple[int, str] | None = None
        self.in_thought = begins_in_thought

    def read_inside(self, tag: re.Match[str], kind: int, *, is_opening: bool) -> None:
        """Reads a tag within a thought: only the end of that thought ends it."""
        if is_opening:
            if self._opened is None and not self._text[self._at : tag.start()].strip():
                # The prompt opened the thought, and the model opened it again.
                self._opened, self._at = (kind, _name(tag)), tag.end()
            return
        if self._opened is None and kind in _NEEDS_OPENING:
            return
        if self._opened in (None, (kind, _name(tag))):
            self._thought.append(self._text[self._at : tag.start()])
            self._at, self._opened, self.in_thought = tag.end(), None, False

    def read_outside(self, tag: re.Match[str], kind: int, *, is_opening: bool) -> None:
        """Reads a tag in what is said."""
        before = self._text[self._at : tag.start()]
        if is_opening:
            self._said.append(before)
            self._opened, self.in_thought = (kind, _name(tag)), True
        elif kind in _NEEDS_OPENING:
            return
        else:  # it closes what the prompt opened: all before it was thought
            self._thought += [*self._said, before]
            self._said = []
        self._at = tag.end()

    def result(self) -> Unthought:
        """Returns what was found, at the end of the text."""
        rest = self._text[self._at :]
        (self._thought if self.in_thought else self._said).append(rest)
        thought = "\n".join(piece.strip() for piece in self._thought if piece.strip())
        return Unthought(_joined(self._said, self._text), thought, not self.in_thought)


def _name(tag: re.Match[str]) -> str:
    return (tag["name"] or tag["end"] or "").lower()


def _joined(said: list[str], text: str) -> str:
    """Returns the pieces that were said as one text, apart by what stood around the thoughts."""
    pieces = [piece for piece in said if piece.strip()]
    if not pieces:
        return ""
    joined = pieces[0]
    for piece in pieces[1:]:
        between = "" if joined[-1].isspace() or piece[0].isspace() else " "
        joined = f"{joined}{between}{piece}"
    if not text.startswith(pieces[0]):
        joined = joined.lstrip()
    return joined if text.endswith(pieces[-1]) else joined.rstrip()
