"""What a model's answer says: a score from 0 to 100, or nothing. There is no guessing."""

import json
import re
from collections.abc import Iterable, Mapping
from math import exp
from typing import Final

HIGHEST: Final = 100

_NUMBER: Final = re.compile(
    r"(?:score\s*[:=]\s*)?(\d{1,3}(?:\.\d+)?)(?:\s*%|\s*/\s*100)?\s*\.?",
    re.IGNORECASE | re.ASCII,
)
_AROUND: Final = "*`'\"“” \t\n"
YES: Final = frozenset({"yes", "y"})
NO: Final = frozenset({"no", "n"})


def parse_score(answer: str) -> float | None:
    """Returns the score that an answer is; None if it is anything else.

    A number from 0 to 100 and nothing but it, as it is, as `85%`, `85/100` or `Score: 85`, in
    quotes or bold; or a JSON object whose `score` is such a number.
    """
    text = answer.strip(_AROUND)
    found = _NUMBER.fullmatch(text)
    if found is not None:
        value = float(found[1])
    else:
        try:
            parsed = json.loads(text)
        except ValueError:
            return None
        score = parsed.get("score") if isinstance(parsed, dict) else None
        if not isinstance(score, int | float) or isinstance(score, bool):
            return None
        value = float(score)
    return value if 0 <= value <= HIGHEST else None


def yes_share(log_probabilities: Iterable[tuple[str, float]]) -> float | None:
    """Returns the probability of yes over that of yes or no; None if neither is among the tokens.

    Args:
        log_probabilities: The first token's likeliest values, and their log probabilities.
    """
    yes = no = 0.0
    for token, value in log_probabilities:
        word = token.strip(_AROUND + "▁Ġ.,!").lower()
        if word in YES:
            yes += exp(value)
        elif word in NO:
            no += exp(value)
    return yes / (yes + no) if yes + no > 0 else None


def first_token_words(vocabulary: Mapping[str, list[int]]) -> tuple[list[int], list[int]]:
    """Returns the first tokens of yes and of no, those that begin both left out.

    Args:
        vocabulary: Ways to write yes and no, and the tokens of each.
    """
    yes = {ids[0] for word, ids in vocabulary.items() if ids and word.strip().lower() in YES}
    no = {ids[0] for word, ids in vocabulary.items() if ids and word.strip().lower() in NO}
    return sorted(yes - no), sorted(no - yes)
