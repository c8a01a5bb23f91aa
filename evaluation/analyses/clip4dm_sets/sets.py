"""What each set says of a sentence, as the published code reads it from the set's own labels."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from alignbench.schemas.vocabulary import Verdict

_TOKEN: Final = re.compile(r'[^,.?!":; ]+')
"""What Rich-HF's labels are for: whatever stands between these characters."""

_MISALIGNED: Final = "0"
_ORIGINAL: Final = ("", "orig")
"""How the code calls the wrong word of a caption that has none."""


class WordSet(NamedTuple):
    """One of the sets, as it is evaluated.

    Attributes:
        positive: Positive class of its average precision.
        wrong_words: Returns, of a sentence's text and own labels, what the code calls its foil
            word: the wrong words, in small letters; empty or `orig` if there are none.
        group: The release's column that its results are also given by, if any.
    """

    positive: Verdict
    wrong_words: Callable[[str, Mapping[str, Any]], str]
    group: str | None = None


def is_original(wrong_words: str) -> bool:
    """Tells whether the code takes a caption with these wrong words for a right one."""
    return wrong_words in _ORIGINAL


def token_ranges(text: str) -> list[tuple[int, int]]:
    """Returns where the tokens stand that Rich-HF labels."""
    return [match.span() for match in _TOKEN.finditer(text)]


def _of_foil(text: str, own: Mapping[str, Any]) -> str:  # noqa: ARG001
    return str(own.get("foil_word") or "").strip().lower()


def _of_nocaps_foil(text: str, own: Mapping[str, Any]) -> str:  # noqa: ARG001
    replaced = own.get("replacement") or ["", ""]
    if not own.get("foil") or replaced[0] == replaced[1]:
        return ""
    return str(replaced[1]).strip().lower()


def _of_hat(text: str, own: Mapping[str, Any]) -> str:  # noqa: ARG001
    wrong = [str(word) for word, is_wrong in own.get("grounding") or [] if is_wrong]
    return " ".join(word.replace(".", "").replace(",", "") for word in wrong).strip().lower()


def _of_rich_hf(text: str, own: Mapping[str, Any]) -> str:
    tokens = [text[start:end] for start, end in token_ranges(text)]
    labels = str(own.get("prompt_misalignment_label") or "").split()
    # Where their numbers differ the code pairs as many as it can.
    wrong = [f"{place}_{token}" for place, (token, label)
             in enumerate(zip(tokens, labels, strict=False)) if label == _MISALIGNED]  # fmt: skip
    return " ".join(wrong).strip().lower()


def _of_seetrue(text: str, own: Mapping[str, Any]) -> str:  # noqa: ARG001
    return str(own.get("caption_misalignment") or "").strip().lower()


SETS: Final[Mapping[str, WordSet]] = {
    "foil": WordSet(Verdict.CORRECT, _of_foil),
    "nocaps_foil": WordSet(Verdict.CORRECT, _of_nocaps_foil, "domain"),
    "hat": WordSet(Verdict.INCORRECT, _of_hat),
    "rich_hf": WordSet(Verdict.INCORRECT, _of_rich_hf),
    "seetrue_feedback": WordSet(Verdict.CORRECT, _of_seetrue, "model"),
}
"""By the kind of import. Positives of AP are the originals, but the foils for HAT and Rich-HF."""
