"""Whether a question in other words may be asked, as far as its text alone tells."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure

_ALIKE: Final = 0.92
"""Share of characters in common, in order, from which two questions are near-duplicates."""
_LEAST_SHARE: Final = 0.7
"""Least share of the letters of a text that its main script must have to be told from another."""
_QUOTED: Final = 200


def refusal_of(
    variant: str, seed: str, reference: str, others: Iterable[str]
) -> ItemFailure | None:
    """Returns why a question in other words is refused; None where its text alone is all right.

    Args:
        variant: The new question.
        seed: The one that it is to equal.
        reference: The right answer.
        others: What is asked in the same cluster already.
    """
    quoted = repr(shorten(variant, _QUOTED))
    scripts = main_script(seed), main_script(variant)
    if None not in scripts and scripts[0] != scripts[1]:
        return ItemCode.VARIANT_LANGUAGE.failure(
            f"{quoted} is in {scripts[1]} letters, the question in {scripts[0]} ones."
        )
    if _tells(variant, reference) and not _tells(seed, reference):
        return ItemCode.VARIANT_TELLS_ANSWER.failure(
            f"{quoted} holds the answer {shorten(reference, 80)!r}."
        )
    bare = _bare(variant)
    for other in (seed, *others):
        matcher = SequenceMatcher(None, _bare(other), bare, autojunk=False)
        # The cheap bounds first: the ratio itself takes long for long questions.
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < _ALIKE:
            continue
        if matcher.ratio() >= _ALIKE:
            return ItemCode.VARIANT_NEAR_DUPLICATE.failure(
                f"{quoted} hardly differs from {shorten(other, _QUOTED)!r}."
            )
    return None


def main_script(text: str) -> str | None:
    """Returns the script of most letters, such as `CJK` or `LATIN`; None where none prevails."""
    counts: dict[str, int] = {}
    for letter in filter(str.isalpha, text):
        script = unicodedata.name(letter, "?").partition(" ")[0]
        counts[script] = counts.get(script, 0) + 1
    if not counts:
        return None
    script, most = max(counts.items(), key=lambda item: item[1])
    return script if most >= _LEAST_SHARE * sum(counts.values()) else None


def _tells(question: str, reference: str) -> bool:
    """Tells whether the whole right answer stands in a question, as words of its own."""
    answer = reference.strip().strip(".。!！").casefold()
    if not answer:
        return False
    pattern = re.escape(answer)
    if answer[0].isascii() and answer[0].isalnum():
        pattern = rf"(?<![a-z0-9]){pattern}"
    if answer[-1].isascii() and answer[-1].isalnum():
        pattern = rf"{pattern}(?![a-z0-9])"
    return re.search(pattern, question.casefold()) is not None


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
