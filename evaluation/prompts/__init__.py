"""What detectors ask: a file is a version of a prompt, and is never edited once it was used."""

from importlib.resources import files
from typing import Final

from alignbench.schemas.errors import UnknownNameError
from alignbench.schemas.registry import suggestion

SENTENCE = "{sentence}"
"""Where the sentence goes."""
PROMPT_OF_ANSWER: Final = {"score": "score_v1", "yes_no": "yes_no_v1"}
"""What is asked for each kind of answer, if nothing else is said."""


def prompt_names() -> list[str]:
    """Returns the names of the prompts that come with AlignBench."""
    found = [path.name for path in files("alignbench.evaluation.prompts").iterdir()]
    return sorted(
        name.removesuffix(".txt") for name in found if name.endswith(".txt") and "again" not in name
    )


def read_prompt(name_or_text: str) -> str:
    """Returns a prompt by its name, such as `score_v1`; a text with `{sentence}` is one itself.

    Raises:
        UnknownNameError: There is no prompt of that name.
    """
    if SENTENCE in name_or_text:
        return name_or_text
    known = prompt_names()
    if name_or_text not in known:
        raise UnknownNameError(
            f"There is no prompt {name_or_text!r}.",
            f"{suggestion(name_or_text, known)} A text of your own needs {SENTENCE} in it.",
        )
    return (
        (files("alignbench.evaluation.prompts") / f"{name_or_text}.txt")
        .read_text(encoding="utf-8")
        .strip()
    )


def ask_again() -> str:
    """Returns what is said to a model whose answer is no score."""
    return (
        (files("alignbench.evaluation.prompts") / "ask_again_v1.txt")
        .read_text(encoding="utf-8")
        .strip()
    )


def asked(prompt: str, sentence: str) -> str:
    """Returns a prompt with the sentence in its place."""
    return prompt.replace(SENTENCE, sentence)
