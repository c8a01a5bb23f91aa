"""Yes or no, weighed by the probabilities of the token with which the answer begins."""

from collections.abc import Iterable, Mapping, Sequence
from math import exp
from typing import Final

from alignbench.models.answers.control_tokens import without_control_tokens
from alignbench.models.answers.thoughts import without_thoughts
from alignbench.models.answers.wrappers import unwrapped

YES: Final = frozenset({"yes", "y"})
NO: Final = frozenset({"no", "n"})

_AROUND: Final = "*`'\"“” \t\n▁ĠĊ.,!"


def yes_share(log_probabilities: Iterable[tuple[str, float]]) -> float | None:
    """Returns the probability of yes over that of yes or no; None if neither is among the tokens.

    Args:
        log_probabilities: One token's likeliest values, and their log probabilities.
    """
    yes = no = 0.0
    for token, value in log_probabilities:
        word = token.strip(_AROUND).lower()
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


def first_word_token(tokens: Sequence[str], *, begins_in_thought: bool = False) -> int | None:
    """Returns the place of the token with which what a model says begins, behind its thoughts.

    Args:
        tokens: The texts of an answer's tokens, in order.
        begins_in_thought: Whether the prompt ended in the opening tag of a thought.

    Returns:
        None if the answer ended before it said anything.
    """
    text = "".join(tokens)
    plain = without_thoughts(text, begins_in_thought=begins_in_thought)
    said = without_control_tokens(unwrapped(plain.text, boxes=True).text).text.strip(_AROUND)
    if not plain.is_closed or not said:
        return None
    start = text.rfind(said)
    if start < 0:  # it stands in pieces between several thoughts
        return None
    for place, token in enumerate(tokens):
        start -= len(token)
        if start < 0:
            return place
    return None
